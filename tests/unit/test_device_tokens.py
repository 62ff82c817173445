"""Foreign device tokens: one mix-up of environments must not cost every token."""

import pytest

from app.domain.device_tokens import ENOUGH_PROVEN, ENOUGH_UNPROVEN, TokenTrials, is_mass_death
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted

FOREIGN = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_FOREIGN, "BadDeviceToken", "400")
GONE = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_RETIRED, "Unregistered", "410")


def kinds(trials, *outcomes, account="a"):
    return [trials.judge(account, outcome).kind.value for outcome in outcomes]


def test_a_foreign_token_of_an_account_that_took_others_is_dead():
    assert kinds(TokenTrials(), accepted(), FOREIGN) == ["accepted", "recipient_permanent"]


def test_a_foreign_token_of_a_fresh_account_fails_and_is_kept():
    assert kinds(TokenTrials(), FOREIGN) == ["message_permanent"]


def test_many_foreign_tokens_of_a_fresh_account_are_the_accounts_fault():
    told = kinds(TokenTrials(), *[FOREIGN] * ENOUGH_UNPROVEN)
    assert told == ["message_permanent"] * (ENOUGH_UNPROVEN - 1) + ["config_permanent"]


def test_many_in_a_row_are_the_accounts_fault_also_when_it_worked_before():
    told = kinds(TokenTrials(), accepted(), *[FOREIGN] * ENOUGH_PROVEN)
    assert told[1:] == ["recipient_permanent"] * (ENOUGH_PROVEN - 1) + ["config_permanent"]


def test_accepted_ones_in_between_end_the_row():
    trials = TokenTrials()
    for _ in range(5):
        assert "config_permanent" not in kinds(trials, accepted(), *[FOREIGN] * (ENOUGH_PROVEN - 1))


def test_after_the_block_is_lifted_the_next_ones_are_looked_at_anew():
    trials = TokenTrials()
    kinds(trials, *[FOREIGN] * ENOUGH_UNPROVEN)
    assert kinds(trials, FOREIGN) == ["message_permanent"]


def test_accounts_are_judged_apart():
    trials = TokenTrials()
    kinds(trials, accepted())
    assert kinds(trials, FOREIGN, account="b") == ["message_permanent"]


def test_what_is_said_of_the_token_itself_is_believed_at_once():
    assert TokenTrials().judge("a", GONE) is GONE


@pytest.mark.parametrize(
    ("dead", "judged", "is_mass"),
    [
        (9, 9, False),
        (10, 10, True),
        (10, 50, False),
        (10, 49, True),
        (31, 100, True),
        (200, 1000, False),
        (0, 0, False),
    ],
)
def test_a_mass_death_is_ten_and_more_than_a_fifth(dead, judged, is_mass):
    assert is_mass_death(dead, judged) is is_mass
