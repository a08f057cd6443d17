"""What the bank does over HTTP beside hello world, the thin routes and the thin post's raw statement."""

from tools.bench.load import per_second
from tools.bench.scene import CLIENTS, LEARNERS, PORT, Figures, Scene, served

BATCHES = (1000, 10_000)
WANTED_BATCH_ROWS = 15_000

WANTED = {"balance read": ("thin read", 0.9), "single post": ("thin post", 0.7)}
"""What the bank's routes are to reach of their thin routes."""


def round_of(scene: Scene, seconds: float) -> Figures:
    """Measure everything once."""
    keyring = scene.folder / "keyring.json"
    with served(scene.house.bank.database.url.render_as_string(hide_password=False), keyring):
        return _reads(scene, seconds) | _posts(scene, seconds) | _batches(scene, seconds)


def _reads(scene: Scene, seconds: float) -> Figures:
    reads = int(3000 * seconds)
    learners = (scene.learners * (1 + reads // LEARNERS))[:reads]
    figures = {}
    for name, path in (
        ("hello world", "/thin/hello"),
        ("thin read", "/thin/read/{}"),
        ("balance read", "/v1/learners/{}/balance"),
        ("statement page", "/v1/learners/{}/statement"),
    ):
        requests = [scene.get(path.format(learner)) for learner in learners]
        figures[name] = per_second(PORT, [requests] * CLIENTS, seconds)
    return figures


def _posts(scene: Scene, seconds: float) -> Figures:
    posts, figures = int(900 * seconds), {}
    for name, path in (("thin post", "/thin/post"), ("single post", "/v1/outcomes")):
        lists = [[scene.post(path, scene.record()) for _ in range(posts)] for _ in range(CLIENTS)]
        figures[name] = per_second(PORT, lists, seconds)
    return figures


def _batches(scene: Scene, seconds: float) -> Figures:
    figures = {}
    for rows in BATCHES:
        for clients in (1, 2):
            batches = max(1, int(6 * seconds) * 1000 // rows)
            lists = [[_batch(scene, rows) for _ in range(batches)] for _ in range(clients)]
            figures[f"batch {rows} x{clients}"] = per_second(PORT, lists, 20 * seconds + 20) * rows
    return figures


def _batch(scene: Scene, rows: int) -> bytes:
    """Return a request with a batch of new records."""
    return scene.post("/v1/outcomes/batch", [scene.record() for _ in range(rows)])


def lines(figures: Figures) -> list[str]:
    """Return the rows of the table."""
    told = [
        _line("hello world", figures["hello world"], "", ""),
        _line("thin read", figures["thin read"], "hello world", f"{figures['thin read'] / figures['hello world']:.0%}"),
    ]
    for name, (limit, wanted) in WANTED.items():
        ratio = f"{figures[name] / figures[limit]:.0%} (wanted {wanted:.0%})"
        told.append(_line(name, figures[name], f"{limit} {figures[limit]:,.0f}", ratio))
    ratio = f"{figures['statement page'] / figures['thin read']:.0%}"
    told.append(_line("statement page", figures["statement page"], "thin read", ratio))
    for name, figure in figures.items():
        if name.startswith("batch"):
            _, rows, clients = name.split()
            label = f"rows in batches of {int(rows):,}, {clients.removeprefix('x')} at a time"
            ratio = f"{figure / WANTED_BATCH_ROWS:.0%}"
            told.append(_line(label, figure, f"wanted {WANTED_BATCH_ROWS:,}", ratio))
    return told


def _line(name: str, figure: float, beside: str, ratio: str) -> str:
    return f"| {name} | {figure:,.0f} | {beside} | {ratio} |"
