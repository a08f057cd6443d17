"""What is shipped as data: published systems of rules, loaded by two clients as any rule set is, and regions."""

import json
from functools import partial
from importlib.resources import files
from typing import Any

from creditbank.core.credit import Rounding, Scheme, parsed_hundredths
from creditbank.core.permission import Actor
from creditbank.services import rulesets, schemes
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out


def pack_names() -> list[str]:
    """Return the names of the shipped packs."""
    return sorted(item.name.removesuffix(".json") for item in files("creditbank.rulepacks").iterdir() if _is_pack(item))


def schemes_of_packs() -> dict[str, Scheme]:
    """Return the schemes of all shipped packs by code."""
    return {document["code"]: _scheme(document) for name in pack_names() for document in _pack(name)["schemes"]}


def shipped_regions() -> dict[str, Any]:
    """Return the regions that are shipped, as they are asked to be loaded."""
    text = files("creditbank.registries").joinpath("chongqing.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def load_pack(bank: Bank, name: str, author: Actor, publisher: Actor) -> list[str]:
    """Draft a pack's schemes and rule sets as one client and publish them as the other; return what is in print.

    What is published already stays as it is. Refused: what drafting and publishing refuse.
    """
    pack = _pack(name)
    for document in pack["schemes"]:
        carried_out(bank, Errand(author, "scheme.add"), partial(_add_scheme, _scheme(document)))
    loaded = []
    for document in pack["rulesets"]:
        drafted = carried_out(bank, Errand(author, "ruleset.draft"), partial(_draft, document))
        code, version = drafted.body["code"], drafted.body["version"]
        carried_out(bank, Errand(publisher, "ruleset.publish"), partial(_publish, code, version))
        loaded.append(f"{code} v{version}")
    return loaded


def _pack(name: str) -> dict[str, Any]:
    """Return a shipped pack."""
    pack: dict[str, Any] = json.loads(files("creditbank.rulepacks").joinpath(f"{name}.json").read_text("utf-8"))
    return pack


def _is_pack(item: Any) -> bool:  # noqa: ANN401 - importlib's own kind of path
    """Tell whether a file of the folder is a pack."""
    return bool(item.name.endswith(".json"))


def _scheme(document: dict[str, Any]) -> Scheme:
    """Return a pack's scheme."""
    hours, step = parsed_hundredths(document["hours_per_credit"]), parsed_hundredths(document["step"])
    assert hours, "a shipped scheme says how many hours make a credit"
    assert step, "a shipped scheme has a step"
    return Scheme(
        code=document["code"],
        title_zh=document["title"]["zh"],
        title_en=document["title"]["en"],
        hours_per_credit_hundredths=hours,
        minutes_per_hour=document["minutes_per_hour"],
        step_hundredths=step,
        rounding=Rounding(document["rounding"]),
    )


def _add_scheme(scheme: Scheme, work: Work) -> Answer:
    """Register a scheme."""
    kept, is_new = schemes.add_scheme(work, scheme)
    return Answer({"code": kept.code}, is_new, subject=kept.code)


def _draft(document: dict[str, Any], work: Work) -> Answer:
    """Draft a rule set."""
    kept, is_new = rulesets.draft(work, document)
    return Answer({"code": kept.code, "version": kept.version}, is_new, subject=f"{kept.code} {kept.version}")


def _publish(code: str, version: int, work: Work) -> Answer:
    """Publish a rule set."""
    kept, is_new = rulesets.publish(work, code, version)
    return Answer({"code": kept.code}, is_new, subject=f"{kept.code} {kept.version}")
