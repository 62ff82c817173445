"""What many journeys begin with: coming in, somebody to write to, a place for files."""

from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.conftest import PASSWORD, Home, House
from tests.browser.person import PATIENCE, Person


def become_the_first_member(person: Person, house: House, *, demo: bool = False) -> None:
    """Ann Archer, ann@example.org, by the one-time address; `demo` adds the sample story."""
    person.open(house.first_address())
    person.fill("Name", "Ann Archer")
    person.fill("Email", "ann@example.org")
    person.fill("Password", PASSWORD)
    person.tick("Add sample data", on=demo)
    person.press("Create member and sign in")
    person.see("Ann Archer")


def sign_in(person: Person, email: str = "ann@example.org") -> None:
    """As a member whose password is PASSWORD; ends once the browser has its session."""
    person.open("/sign-in")
    person.fill("Email", email)
    person.fill("Password", PASSWORD)
    person.press("Sign in")
    WebDriverWait(person.driver, PATIENCE).until(lambda driver: "/sign-in" not in driver.current_url)


def enter(person: Person, home: Home) -> None:
    """As the admin of that project, of which `person.go` opens pages from now on."""
    person.project = home.project
    sign_in(person, home.email)


def add_a_contact(person: Person) -> None:
    """Ben Baker, ben@example.org."""
    person.follow("Contacts")
    person.follow("Add contact")
    person.fill("Name", "Ben Baker")
    person.fill("Email", "ben@example.org")
    person.press("Add contact")
    person.see("ben@example.org")


def make_a_topic(person: Person) -> None:
    """Newsletter, with Ben in it."""
    person.follow("Topics")
    person.follow("Add topic")
    person.fill("Name", "Newsletter")
    person.press("Add topic")
    person.follow("Add subscribers")
    person.fill("Addresses", "ben@example.org")
    person.press("Add addresses")
    person.see("ben@example.org")


def make_bucket(person: Person) -> str:
    """Pictures, through the form; its path."""
    person.follow("Files")
    person.follow("Add bucket")
    person.fill("Name", "Pictures")
    person.press("Add bucket")
    person.see("No files yet")
    return person.driver.current_url.removeprefix(person.url)


def add_to_audience(person: Person, name: str) -> None:
    """In the composer: look for that name, and take what has it or begins with it."""
    person.fill("Add topics, people or addresses", name)
    if not person.has_scripts:
        person.press("Search")
    person.press_like(name)
    person.see("will receive it")


def send(person: Person, people: str) -> None:
    """What is written in the composer, to so many, after a look at it all."""
    person.press_like(f"Send to {people}")
    person.see("Through")
    person.press(f"Send to {people} now")
