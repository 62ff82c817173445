"""A version of a template laid out for reading: as somebody would get it, by the code that sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.domain.content import Content, PushContent
from app.domain.content_limits import File
from app.domain.errors import Invalid
from app.models.templates import Template, TemplateVersion
from app.services.messages import message_files, templates
from app.services.previews import preview, samples
from app.services.previews.preview import Preview
from app.services.previews.samples import Sample
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class TemplateSheet:
    """What a template says: `preview` as one person gets it, or None with the reason in `refusal`.

    `people` are some whom it can be shown for. `content` is without an image that no device could open. `files` are
    the names of those it needs, `gone` the ids of those among them that were deleted.
    """

    content: Content
    preview: Preview | None
    refusal: str = ""
    files: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    people: Sequence[Sample] = ()


def lay_out(
    work: Work, template: Template, version: TemplateVersion, as_target: str = "", who: str = ""
) -> TemplateSheet:
    """The sheet of a version that was found, for that target; for the example when there is none.

    `who` finds people by the beginning of a name or an address.
    """
    chosen = samples.find_sample(work, template.channel, as_target)
    found = samples.search_samples(work, template.channel, who)
    if found and as_target not in {person.id for person in found}:
        chosen = found[0]  # whoever was looked for is whom one wants to see
    people = found or [samples.example_of(template.channel), *samples.any_samples(work, template.channel)]
    if chosen is not None and chosen not in people:
        people.append(chosen)
    named = templates.content_at(template, version)
    known = message_files.names_of(work, named.files)
    files = [known[file] for file in named.files if file in known]
    gone = [file[1] for file in named.files if file not in known]
    content = _without_gone(named, known)
    try:
        shown = preview.preview_content(work, content, chosen.id if chosen else "")
    except Invalid as error:
        return TemplateSheet(content, None, error.message, files, gone, people)
    return TemplateSheet(content, shown, "", files, gone, people)


def frame_of(work: Work, template: Template, version: TemplateVersion, as_target: str = "") -> str:
    """The HTML of an email for the preview's frame. Invalid by field when it cannot be made, NotFound for a target."""
    content = templates.content_at(template, version)
    return preview.page_of(
        preview.preview_content(work, content, as_target), pictures=preview.pictures_of(work, content)
    )


def _without_gone(content: Content, known: Mapping[File, str]) -> Content:
    """A push without its image, if that was deleted: no device could open it."""
    if isinstance(content, PushContent) and content.image is not None and content.image not in known:
        return replace(content, image=None)
    return content
