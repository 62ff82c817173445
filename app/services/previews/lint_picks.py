"""Whose copies are worth a look before sending: the longest, the emptiest, the one of most segments."""

from dataclasses import dataclass

from app.domain.errors import Invalid
from app.domain.lint_findings import Findings
from app.models.messages import Message
from app.services.previews import lint, samples
from app.services.previews.lint_reading import Reading, Somebody
from app.services.previews.samples import Sample
from app.services.work import Work

_WHY = {
    "longest": "the longest: {0:,} characters",
    "emptiest": "the emptiest: {0:,} without a value",
    "segments": "the most segments: {0:,}",
}


@dataclass(frozen=True, slots=True)
class Pick:
    """Somebody whose copy is worth a look, and why."""

    sample: Sample
    why: str

    @property
    def label(self) -> str:
        """What a list of people shows."""
        return f"{self.sample.label} ({self.why})"


def picks(work: Work, message: Message, few: list[Sample]) -> list[Pick]:
    """The people whose copies are worst, each once: of everybody who was looked at, until then of these `few`."""
    report = lint.report_of(work, message)
    worst = report.worst if report is not None else {}
    known = {sample.id: sample for sample in few}
    if not worst:
        worst = _worst_of(work, message, [sample for sample in few if sample.id])
    found: dict[str, Pick] = {}
    for why, (measure, target_id) in worst.items():
        sample = known.get(target_id) or samples.find_sample(work, message.channel, target_id)
        if sample is not None and target_id not in found:  # who is gone since is nobody's worst
            found[target_id] = Pick(sample, _WHY[why].format(measure))
    return list(found.values())


def _worst_of(work: Work, message: Message, few: list[Sample]) -> dict[str, tuple[int, str]]:
    """The same for a handful; nothing when there is no choice, or the content cannot be rendered."""
    if len(few) < 2:
        return {}
    try:
        reading = Reading(work, message)
    except Invalid:
        return {}
    findings = Findings()
    for sample in few:
        findings.add(sample.id, reading.look(Somebody(0, sample.id, sample.recipient)).verdict)
    return dict(findings.worst)
