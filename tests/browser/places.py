"""Every page there is, in every state that looks different.

The test of all pages and the command that photographs them go by this one list; `visits` finds the pages in a house. A
path in braces stands for one that is found on another page: `{sent}/retry` is the page for trying again of the first
message that was sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FULL, EMPTY, HALTED = "default", "quiet", "halted"  # the projects of the house
ID = "[0-9a-z]{20}"
_MESSAGE = rf"/messages/{ID}$"


@dataclass(frozen=True, slots=True)
class Place:
    """One page in one state: the name of its sheet, its path, and in words what it shows.

    `path` lies below the project unless it begins with two slashes. `sends` is the form (a CSS selector) that is sent
    with nothing but `typed` in its fields, so that the page says what is wrong; `opens` is what is pressed. `status`
    is what the server answers when that is no success.
    """

    name: str
    path: str
    shows: str
    sends: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    opens: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Scene:
    """Places that one person (a key of `visits.Visit.cookies`; nobody has the empty one) sees in one project."""

    who: str
    project: str
    places: Sequence[Place]


@dataclass(frozen=True, slots=True)
class Lead:
    """How what stands in braces is found: on that page, by how the link looks and by what is written on it."""

    page: str
    link: str
    says: str = ""


FOUND: Mapping[str, Lead] = {
    "draft": Lead("/messages?phase=draft&channel=email", rf"/messages/{ID}(?=/edit$)", "Candlelight concert"),
    "push": Lead("/messages?phase=draft&channel=push", rf"/messages/{ID}(?=/edit$)"),
    "sms": Lead("/messages?phase=draft&channel=sms", rf"/messages/{ID}(?=/edit$)"),
    "scheduled": Lead("/messages?phase=scheduled", _MESSAGE),
    "sending": Lead("/messages?phase=sending", _MESSAGE),
    "paused": Lead("/messages?phase=paused", _MESSAGE),
    "late": Lead("/messages?phase=late", _MESSAGE),
    "sent": Lead("/messages?phase=sent", _MESSAGE),
    "failed": Lead("/messages?phase=failed", _MESSAGE, "Advent bells"),
    "cancelled": Lead("/messages?phase=cancelled", _MESSAGE),
    "template": Lead("/templates?channel=email", rf"/templates/{ID}$"),
    "contact": Lead("/contacts", rf"/contacts/{ID}$"),
    "target": Lead("{contact}", rf"/contacts/{ID}/targets/{ID}$"),
    "topic": Lead("/topics", rf"/topics/{ID}$"),
    "suppression": Lead("/suppressions", rf"/suppressions/{ID}(?=/lift$)"),
    "columns": Lead("/imports", rf"/imports/{ID}$", "friends.csv"),
    "import": Lead("/imports", rf"/imports/{ID}$", "people.csv"),
    "delivery": Lead("/deliveries?state=failed", r"/deliveries/\d+$"),
    "group": Lead("/dead-letters", r"/dead-letters/group\?.+"),
    "replay": Lead("/dead-letters", r"/dead-letters/replay\?message.+"),
    "dismiss": Lead("/dead-letters", r"/dead-letters/dismiss\?message.+"),
    "bucket": Lead("/files", r"/files/(?!new$)[^/?]+$", "Concerts"),
    "picture": Lead("{bucket}", r"/files/[^/]+/f/candlelight-concert$"),
    "document": Lead("{bucket}", r"/files/[^/]+/f/programme$"),
    "provider": Lead("/providers", rf"/providers/{ID}$", "Sandbox mail"),
    "texter": Lead("/providers", rf"/providers/{ID}$", "Sandbox SMS"),
    "arrival": Lead("/sandbox", r"/sandbox/\d+$"),
    "member": Lead("/settings/members", rf"/settings/members/{ID}$", "vic@example.org"),
    "key": Lead("/settings/keys", rf"/settings/keys/{ID}(?=/revoke$)"),
}

_DOOR = (
    Place("sign-in", "//sign-in", "The sign-in page"),
    Place("sign-in-wrong", "//sign-in", "The sign-in page, sent empty", sends="main form"),
    Place("join", "//join/{invitation}", "The page that an invitation leads to"),
    Place("join-wrong", "//join/{invitation}", "The same, sent empty", sends="main form"),
    Place("join-over", "//join/nothing", "An invitation that cannot be used any more", status=401),
    Place("unsubscribe", "//u/{link}", "What a link in a message leads to"),
    Place("unsubscribe-choices", "//u/{link}/preferences", "All that a recipient can choose"),
    Place("unsubscribe-wrong", "//u/nothing", "A link that leads nowhere", status=404),
)
_MESSAGES = (
    Place("home", "", "Home with the demo story: what needs attention, figures, what comes next"),
    Place("messages", "/messages", "All messages"),
    Place("messages-failed", "/messages?phase=failed", "Messages, filtered by state"),
    Place("messages-nothing", "/messages?q=nothing+is+called+so", "Messages, where nothing matches"),
    Place("message-new", "/messages/new", "The question that a new message begins with"),
    Place("message-new-email", "/messages/new?channel=email", "What an email can begin from"),
    Place("compose-email", "{draft}/edit", "The composer of an email"),
    Place("compose-push", "{push}/edit", "The composer of a push notification"),
    Place("compose-sms", "{sms}/edit", "The composer of a text message"),
    Place("compose-send", "{draft}/send", "The last look before an email goes out"),
    Place("compose-send-push", "{push}/send", "The last look before a push goes out"),
    Place("compose-send-sms", "{sms}/send", "The last look before a text message goes out"),
    Place("compose-schedule", "{draft}/schedule", "When an email goes out"),
    Place("compose-schedule-wrong", "{draft}/schedule", "The same, sent without a time", sends="main form"),
    Place("compose-test", "{draft}/test", "A test of an email"),
    Place("compose-test-push", "{push}/test", "A test of a push notification"),
    Place("compose-test-wrong", "{draft}/test", "A test to nobody", sends="main form"),
    Place("compose-lint", "{draft}/lint", "Everybody's copy, looked at"),
    Place("compose-request", "{draft}/request", "The exact request of an email"),
    Place("compose-request-push", "{push}/request", "The exact request of a push notification"),
    Place("compose-request-sms", "{sms}/request", "The exact request of a text message"),
    Place("picker", "{draft}/files", "The file picker as a page of its own"),
    Place("picker-image", "{push}/files?use=image", "The file picker, for the image of a push notification"),
    Place("picker-nothing", "{draft}/files?q=nothing", "The file picker, where nothing matches"),
    Place("message-draft-delete", "{draft}/delete", "Asks before a draft is deleted"),
    Place("message-scheduled", "{scheduled}", "A message that waits for its time"),
    Place("message-sending", "{sending}", "A message that goes out now"),
    Place("message-paused", "{paused}", "A message that was paused"),
    Place("message-late", "{late}", "A message whose time passed while nobody was there"),
    Place("message-sent", "{sent}", "A message that reached everybody"),
    Place("message-failed", "{failed}", "A message that ended with failures"),
    Place("message-cancelled", "{cancelled}", "A message that was cancelled half-way"),
    Place("message-failed-filtered", "{failed}?state=failed", "Its deliveries, only those that failed"),
    Place("message-cancel", "{paused}/cancel", "Asks before a message is cancelled"),
    Place("message-retry", "{failed}/retry", "Asks before failed deliveries are tried again"),
    Place("message-retry-none", "{scheduled}/retry", "There is nothing to try again"),
    Place("message-verify", "{sent}/verify", "What the pretend services have of a message"),
    Place("message-delete", "{sent}/delete", "Asks before a message is deleted"),
    Place("message-request", "{sent}/request", "What a provider was told of a message"),
    Place("message-move", "/calendar/move/{scheduled:id}", "Another time for a message, as a form"),
)  # fmt: skip
_TEMPLATES = (
    Place("templates", "/templates", "All templates"),
    Place("templates-nothing", "/templates?q=nothing+is+called+so", "Templates, where nothing matches"),
    Place("template-new", "/templates/new", "A new template"),
    Place("template-rename-wrong", "{template}/rename", "A template without a name", sends="main form"),
    Place("template", "{template}", "One template, its preview and where it is used"),
    Place("template-versions", "{template}/versions", "Its versions"),
    Place("template-compare", "{template}/compare", "What changed between two versions"),
    Place("template-messages", "{template}/messages", "The messages that were made from it"),
    Place("template-rename", "{template}/rename", "Another name for a template"),
    Place("template-delete", "{template}/delete", "Asks before a template is deleted"),
)
_CALENDAR = (
    Place("calendar", "/calendar", "The calendar as it opens"),
    Place("calendar-month", "/calendar?view=month", "A month"),
    Place("calendar-week", "/calendar?view=week", "A week"),
    Place("calendar-day", "/calendar?view=day", "Today, which is full"),
    Place("calendar-agenda", "/calendar?view=agenda", "The agenda"),
    Place("calendar-feed", "/calendar/feed", "The feed that other calendars can subscribe to"),
    Place("calendar-zone", "/calendar/zone", "Another time zone"),
)
_DELIVERIES = (
    Place("deliveries", "/deliveries", "Deliveries of all messages"),
    Place("deliveries-failed", "/deliveries?state=failed", "Those that failed"),
    Place("deliveries-nothing", "/deliveries?q=nobody", "An address that nothing was sent to"),
    Place("delivery", "{delivery}", "One delivery: every attempt and what was answered"),
    Place("dead-letters", "/dead-letters", "What ended without reaching anybody, in groups"),
    Place("dead-letters-nothing", "/dead-letters?reason=tls_failed", "Dead letters, where nothing matches"),
    Place("dead-letters-group", "{group}", "One group of dead letters"),
    Place("dead-letters-replay", "{replay}", "Asks before a group is sent again"),
    Place("dead-letters-dismiss", "{dismiss}", "Asks before a group is dismissed"),
    Place("dead-letters-orders", "/dead-letters/orders", "What was done about dead letters"),
)
_AUDIENCE = (
    Place("contacts", "/contacts", "All contacts"),
    Place("contacts-search", "/contacts?q=a", "Contacts, searched"),
    Place("contact-new", "/contacts/new", "A new contact"),
    Place(
        "contact-new-wrong",
        "/contacts/new",
        "A new contact with an address that is none",
        sends="main form",
        typed={"email": "ann.example.org"},
    ),
    Place("contact", "{contact}", "One contact"),
    Place("contact-edit", "{contact}/edit", "A contact, to be changed"),
    Place("contact-address", "{target}", "One address of a contact"),
    Place("contact-delete", "{contact}/delete", "Asks before a contact is deleted"),
    Place("topics", "/topics", "All topics"),
    Place("topic-new", "/topics/new", "A new topic"),
    Place("topic-new-wrong", "/topics/new", "A new topic without a name", sends="main form"),
    Place("topic", "{topic}", "One topic and its subscribers"),
    Place("topic-edit", "{topic}/edit", "A topic, to be changed"),
    Place("topic-add", "{topic}/add", "New subscribers of a topic"),
    Place("topic-delete", "{topic}/delete", "Asks before a topic is deleted"),
    Place("suppressions", "/suppressions", "Addresses that must not be written to"),
    Place("suppression-new", "/suppressions/new", "A new suppression"),
    Place("suppression-new-wrong", "/suppressions/new", "A new suppression of nobody", sends="main form"),
    Place("suppression-lift", "{suppression}/lift", "Asks before a suppression is lifted"),
    Place("imports", "/imports", "Imports so far"),
    Place("imports-wrong", "/imports", "An upload without a file", sends="main form"),
    Place("import-columns", "{columns}", "An import whose columns are to be named"),
    Place("import", "{import}", "An import that was tried out, with what is wrong"),
    Place("import-delete", "{import}/delete", "Asks before an import is deleted"),
)
_FILES = (
    Place("files", "/files", "All buckets"),
    Place("bucket-new", "/files/new", "A new bucket"),
    Place("bucket-new-wrong", "/files/new", "A new bucket without a name", sends="main form"),
    Place("bucket", "{bucket}", "A bucket with pictures and a document"),
    Place("bucket-nothing", "{bucket}?q=nothing", "A bucket, where nothing matches"),
    Place("bucket-edit", "{bucket}/edit", "The rules of a bucket"),
    Place("bucket-delete", "{bucket}/delete", "Asks before a bucket is deleted that messages need"),
    Place("file-picture", "{picture}", "A picture"),
    Place("file-document", "{document}", "A document"),
    Place("file-remove", "{bucket}/remove?file={picture:id}", "Asks before a file is deleted that a message needs"),
)
_PROVIDERS = (
    Place("providers", "/providers", "Providers in the order in which they take over"),
    Place("provider-choose", "/providers/new", "The services there are"),
    Place("provider-new", "/providers/new/smtp", "A new mail server"),
    Place("provider-new-wrong", "/providers/new/smtp", "A new mail server, sent empty", sends="main form"),
    Place("provider-new-push", "/providers/new/fcm", "A new provider of push notifications"),
    Place("provider-new-sms", "/providers/new/twilio", "A new provider of text messages"),
    Place("provider", "{provider}", "One provider: health, limits, receipts"),
    Place("provider-edit", "{provider}/edit", "A provider, to be changed"),
    Place("provider-delete", "{provider}/delete", "Asks before a provider is deleted"),
    Place("prices", "{texter}/prices", "What text messages cost with a provider"),
    Place("price-new", "{texter}/prices/new", "A new price"),
    Place("price-new-wrong", "{texter}/prices/new", "A new price without a number", sends="main form"),
    Place("prices-import", "{texter}/prices/import", "Prices from a file"),
    Place("sandbox", "/sandbox", "What the pretend services received"),
    Place("sandbox-message", "{arrival}", "An email as it arrived"),
    Place("sandbox-headers", "{arrival}?view=headers", "Its headers"),
    Place("sandbox-faults", "/sandbox/faults", "How the pretend services can be made to fail"),
    Place("sandbox-clear", "/sandbox/clear", "Asks before the Sandbox is emptied"),
)
_SETTINGS = (
    Place("settings", "/settings", "Settings of the project"),
    Place("members", "/settings/members", "Members and open invitations"),
    Place("member", "{member}", "One member's roles"),
    Place("member-remove", "{member}/remove", "Asks before a member is removed"),
    Place("member-disable", "{member}/disable", "Asks before a member may not sign in any more"),
    Place("keys", "/settings/keys", "API keys"),
    Place("key-new", "/settings/keys/new", "A new API key"),
    Place("key-new-wrong", "/settings/keys/new", "A new API key without a name", sends="main form"),
    Place("key-revoke", "{key}/revoke", "Asks before a key is revoked"),
    Place("activity", "/settings/activity", "Who did what"),
    Place("sample-data", "/settings/sample-data", "Asks before the sample data is removed"),
    Place("installation", "/settings/installation", "An installation that may send"),
    Place("sending-stop", "/sending/stop", "Asks before all sending is stopped"),
    Place("menu", "", "The menu, open on a small screen", opens=".places-menu summary, .person summary"),
)
_OTHERS = (
    Place("styleguide", "//styleguide", "All components"),
    Place("api-docs", "//v1/docs?project=default", "The documents of the API"),
    Place("error-not-found", "//nowhere", "An address that leads nowhere", status=404),
    Place("error-no-project", "//p/nowhere", "A project that is not there", status=404),
    Place("error-no-message", "/messages/nowhere", "A message that is not there", status=404),
    Place("error-no-import", "/imports/nowhere", "An import that is not there", status=404),
)
_NOTHING = (
    Place("empty-home", "", "Home of a new project: what to do first"),
    Place("empty-messages", "/messages", "No messages yet"),
    Place("empty-message-new", "/messages/new?channel=email", "A new email without a provider or templates"),
    Place("empty-templates", "/templates", "No templates yet"),
    Place("empty-calendar", "/calendar", "A calendar without messages"),
    Place("empty-agenda", "/calendar?view=agenda", "An agenda without messages"),
    Place("empty-deliveries", "/deliveries", "No deliveries yet"),
    Place("empty-dead-letters", "/dead-letters", "No dead letters"),
    Place("empty-contacts", "/contacts", "No contacts yet"),
    Place("empty-topics", "/topics", "No topics yet"),
    Place("empty-suppressions", "/suppressions", "No suppressions yet"),
    Place("empty-imports", "/imports", "No imports yet"),
    Place("empty-files", "/files", "No buckets yet"),
    Place("empty-providers", "/providers", "No providers yet"),
    Place("empty-sandbox", "/sandbox", "A Sandbox that nothing came to"),
    Place("empty-keys", "/settings/keys", "No API keys yet"),
    Place("empty-activity", "/settings/activity", "Nothing was done yet"),
)
_ONLY_LOOKING = (
    Place("viewer-home", "", "Home of somebody who may only look"),
    Place("viewer-messages", "/messages", "Messages, for somebody who may only look"),
    Place("viewer-message", "{failed}", "A message, for somebody who may only look"),
    Place("viewer-compose", "{draft}/edit", "A draft, for somebody who may not write", status=403),
    Place("viewer-contacts", "/contacts", "Contacts, for somebody who may only look"),
    Place("viewer-topic", "{topic}", "A topic, for somebody who may only look"),
    Place("viewer-suppressions", "/suppressions", "Suppressions, for somebody who may only look"),
    Place("viewer-bucket", "{bucket}", "A bucket, for somebody who may only look"),
    Place("viewer-providers", "/providers", "Providers, for somebody who may only look"),
    Place("viewer-template", "{template}", "A template, for somebody who may only look"),
    Place("viewer-calendar", "/calendar", "The calendar, for somebody who may only look"),
    Place("viewer-refused", "/settings/keys/new", "A page that somebody may not open", status=403),
)
_STOPPED = (
    Place("stopped-home", "", "Home of a project whose sending is stopped"),
    Place("stopped-messages", "/messages", "Messages of a project whose sending is stopped"),
    Place("stopped-resume", "/sending/resume", "Asks before sending goes on"),
)
_FENCED = (
    Place("fenced-home", "", "Home after a backup was restored: nothing is sent until somebody says so"),
    Place("fenced-installation", "/settings/installation", "What waits behind the fence, and the two ways to go on"),
    Place("fenced-message", "{scheduled}", "A message behind the fence"),
)

SCENES = (
    Scene("", FULL, _DOOR),
    Scene("ann", FULL, _MESSAGES + _TEMPLATES),
    Scene("ann", FULL, _CALENDAR + _DELIVERIES + _AUDIENCE),
    Scene("ann", FULL, _FILES + _PROVIDERS),
    Scene("ann", FULL, _SETTINGS + _OTHERS),
    Scene("ann", EMPTY, _NOTHING),
    Scene("vic", FULL, _ONLY_LOOKING),
    Scene("ann", HALTED, _STOPPED),
)
BEHIND_FENCE = Scene("ann", FULL, _FENCED)  # the last: while the fence stands every page shows it
