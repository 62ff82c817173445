"""A version of a template laid out for reading: as somebody would get it, by the code that sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.domain.content import Content, PushContent
from app.domain.content_limits import File
from app.domain.errors import Invalid
from app.models.templates import Template, TemplateVersion
from app.services.messages import message_files, templates
from app.services.previews import preview
from app.services.previews.preview import Preview
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class TemplateSheet:
    """What a template says: `preview` as the example person gets it, or None with the reason in `refusal`.

    `content` is without an image that no device could open. `files` are the names of those it needs, `gone` the ids of
    those among them that were deleted.
    """

    content: Content
    preview: Preview | None
    refusal: str = ""
    files: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def lay_out(work: Work, template: Template, version: TemplateVersion) -> TemplateSheet:
    """The sheet of a version that was found."""
    named = templates.content_at(template, version)
    known = message_files.names_of(work, named.files)
    files = [known[file] for file in named.files if file in known]
    gone = [file[1] for file in named.files if file not in known]
    content = _without_gone(named, known)
    try:
        shown = preview.preview_content(work, content)
    except Invalid as error:
        return TemplateSheet(content, None, error.message, files, gone)
    return TemplateSheet(content, shown, files=files, gone=gone)


def frame_of(work: Work, template: Template, version: TemplateVersion) -> str:
    """The HTML of an email for the preview's frame. Invalid by field when it cannot be made."""
    content = templates.content_at(template, version)
    return preview.page_of(preview.preview_content(work, content), pictures=preview.pictures_of(work, content))


def _without_gone(content: Content, known: Mapping[File, str]) -> Content:
    """A push without its image, if that was deleted: no device could open it."""
    if isinstance(content, PushContent) and content.image is not None and content.image not in known:
        return replace(content, image=None)
    return content
