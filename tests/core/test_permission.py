"""Permission: what each role may do, and which may not be in one hand."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.permission import (
    ADMINISTRATORS,
    LOCAL_ROLES,
    ROLE_SCOPES,
    SCOPES,
    SEPARATE_SCOPES,
    STAFF,
    Actor,
    RolesClash,
    StaffRole,
    check_roles,
    check_separate,
    scopes_of,
)

ROLES = st.frozensets(st.sampled_from(StaffRole))


def test_every_role_has_scopes_that_there_are() -> None:
    assert ROLE_SCOPES.keys() == set(StaffRole)
    assert all(scopes and scopes <= SCOPES.keys() for scopes in ROLE_SCOPES.values())
    assert scopes_of(ADMINISTRATORS) == SEPARATE_SCOPES
    assert not scopes_of(LOCAL_ROLES) & (SEPARATE_SCOPES | {"audit:read", "rules:write", "rules:publish"})


@given(ROLES)
def test_no_roles_that_pass_give_two_scopes_of_administration_or_one_and_the_auditors(
    roles: frozenset[StaffRole],
) -> None:
    scopes = scopes_of(roles)
    clash = len(scopes & SEPARATE_SCOPES) > 1 or (bool(scopes & SEPARATE_SCOPES) and "audit:read" in scopes)
    try:
        check_roles(roles)
    except RolesClash:
        assert clash
    else:
        assert not clash


@given(st.frozensets(st.sampled_from(sorted(SCOPES))))
def test_no_program_holds_two_scopes_of_administration(scopes: frozenset[str]) -> None:
    if len(scopes & SEPARATE_SCOPES) > 1:
        with pytest.raises(RolesClash):
            check_separate(scopes)
    else:
        check_separate(scopes)


def test_actors_have_names_of_their_own() -> None:
    learner, other, member = uuid4(), uuid4(), uuid4()
    staff = f"{STAFF}{member}"
    names = [
        Actor("cqdx-1", frozenset()).name,
        Actor("learner", frozenset(), learner_id=learner).name,
        Actor("learner", frozenset(), learner_id=other).name,
        Actor(staff, frozenset(), learner_id=learner, is_proxy=True).name,
    ]
    assert names == ["cqdx-1", f"learner:{learner}", f"learner:{other}", staff]
    assert max(map(len, names)) <= 64, "the column's width"
    assert Actor(staff, frozenset()).staff_id == member
    assert Actor("cqdx-1", frozenset()).staff_id is None
