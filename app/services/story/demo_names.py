"""The names and towns that people of the demo story are made of, by language."""

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tongue:
    """Names of one language. A name in another script carries its Latin spelling behind a slash."""

    code: str
    share: int  # of the weights of all tongues
    given: tuple[str, ...]
    family: tuple[str, ...]
    towns: tuple[str, ...]


def _tongue(code: str, share: int, given: str, family: str, towns: str) -> Tongue:
    return Tongue(code, share, tuple(given.split()), tuple(family.split()), tuple(towns.split(", ")))


TONGUES: tuple[Tongue, ...] = (
    _tongue(
        "de", 30,
        "Anna Jonas Greta Lukas Frieda Matthias Jürgen Ulrike Käthe Florian Heike Björn Sabine Till Anneliese Moritz "
        "Dörte Henrik Lieselotte Konrad Birgit Niklas Hannelore Timo",
        "Müller Schäfer Weiß Krüger Vogt Lehmann Brandt Köhler Sommer Richter Böhm Winter Glöckner Seidel Jäger "
        "Hoffmann Groß Friedrich Kühn Lindner Busch Reuter Hartmann Ziegler",
        "Berlin, Hamburg, Leipzig, Köln, Wien, Zürich, München, Dresden",
    ),
    _tongue(
        "en", 24,
        "Oliver Grace Harriet Samuel Imogen Rhys Niamh Callum Beatrice Theo Chidi Amara Priya Arjun Maeve Declan "
        "Esther Isaac Tamsin Rowan Abigail Marcus Delia Hugh",
        "Walker Hughes Bennett O'Connor Fraser Okafor Sharma Whitfield Doyle Mason Ellis Baxter Chapman Osei Marsh "
        "Pritchard Holloway Nolan Barlow Quinn Ashford Kaur Thorne Adeyemi",
        "London, Bristol, Leeds, Dublin, Edinburgh, Boston, Chicago, Toronto",
    ),
    _tongue(
        "fr", 11,
        "Camille Élodie Mathéo Chloé Rémi Amélie Thibault Noémie Gaël Solène Bastien Zoé Jérôme Margaux Loïc Inès",
        "Lefèvre Moreau Girard Dubois Faure Chevalier Besson Perrin Noël Fournier Garnier Rousseau Leclerc Marchand",
        "Paris, Lyon, Nantes, Lille, Genève, Bruxelles",
    ),
    _tongue(
        "es", 9,
        "Lucía Álvaro Inés Joaquín Begoña Iñaki Sofía Andrés Rocío Matías Pilar Óscar Carmen Nicolás",
        "García Núñez Ibáñez Romero Castaño Vázquez Serrano Muñoz Peña Delgado Ortega Campos Prieto Lozano",
        "Madrid, Valencia, Sevilla, Bilbao, Bogotá, Montevideo",
    ),
    _tongue(
        "pl", 7,
        "Zofia Łukasz Małgorzata Paweł Agnieszka Wojciech Kasia Michał Jadwiga Stanisław Bożena Tomasz",
        "Kowalczyk Gołąb Zając Wróbel Dąbek Nowak Król Pawlak Sikora Wójcik Kozioł Mazur",
        "Warszawa, Kraków, Gdańsk, Wrocław",
    ),
    _tongue(
        "it", 6,
        "Giulia Matteo Chiara Niccolò Beatrice Davide Elisabetta Tommaso Noemi Raffaele",
        "Rossetti Bianchi Ferrari Colombo Fontana Greco Marini Conti Galli Moretti D'Angelo",
        "Milano, Torino, Bologna, Trieste",
    ),
    _tongue(
        "nl", 6,
        "Femke Daan Sanne Thijs Maartje Joris Lotte Pieter Anouk Koen",
        "Jansen Bakker Visser Smit Meijer Mulder Dekker Brouwer Hendriks Vos",
        "Amsterdam, Utrecht, Mechelen, Gent",
    ),
    _tongue(
        "tr", 5,
        "Ayşe Çağlar Elif Ömer Zeynep Işıl Kerem Gülşen Barış Özlem",
        "Yıldız Şahin Öztürk Çelik Kaya Aydın Güneş Doğan Arslan Koç",
        "İstanbul, İzmir, Berlin, Ankara",
    ),
    _tongue(
        "sv", 5,
        "Åsa Björn Linnéa Göran Maja Sören Ebba Håkan Freja Östen",
        "Lindqvist Sjöberg Åkesson Nyström Hedlund Öberg Ekström Dahl Hallgren Björk",
        "Stockholm, Göteborg, Malmö, Uppsala",
    ),
    _tongue(
        "cs", 4,
        "Jiří Věra Ondřej Zdeňka Tomáš Šárka Matěj Růžena",
        "Martinů Krejčí Petrů Tachecí Janků Hořejší Dolejší Šimků",
        "Praha, Brno, Olomouc",
    ),
    _tongue(
        "pt", 4,
        "João Inês Gonçalo Conceição Tiago Luísa Vítor Mariana",
        "Araújo Gonçalves Simões Magalhães Teixeira Falcão Brandão Sá",
        "Lisboa, Porto, Coimbra, São Paulo",
    ),
    _tongue(
        "el", 3,
        "Ελένη/Eleni Άννα/Anna Κατερίνα/Katerina Ιωάννα/Ioanna Σοφία/Sofia Δήμητρα/Dimitra",
        "Παπαδάκη/Papadaki Βλάχου/Vlachou Αλεξίου/Alexiou Καρρά/Karra Μακρή/Makri Ζήση/Zisi",
        "Αθήνα, Θεσσαλονίκη, Πάτρα",
    ),
    _tongue(
        "uk", 3,
        "Олена/Olena Тарас/Taras Соломія/Solomiia Богдан/Bohdan Марічка/Marichka Остап/Ostap",
        "Шевчук/Shevchuk Коваль/Koval Мельник/Melnyk Гончар/Honchar Лисенко/Lysenko Дзвонар/Dzvonar",
        "Київ, Львів, Одеса",
    ),
    _tongue(
        "ja", 3,
        "Aoi Ren Misaki Daisuke Yumi Ken",
        "Kanee Yamaguchi Morita Kobayashi Ishii Fujimoto",
        "Tōkyō, Kyōto, Sapporo",
    ),
    _tongue(
        "vi", 2,
        "Linh Minh Thảo Quân Hương Đức", "Nguyễn Trần Phạm Đặng Bùi Võ", "Hà Nội, Đà Nẵng",
    ),
    _tongue(
        "ar", 2,
        "ليلى/Layla كريم/Karim نور/Nour ياسر/Yasser", "حداد/Haddad منصور/Mansour خليل/Khalil سالم/Salem",
        "تونس, عمّان",
    ),
)  # fmt: skip

_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "ı": "i", "đ": "d"})  # no decomposition takes these apart
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def spoken(name: str) -> str:
    """A name as its bearer writes it."""
    return name.partition("/")[0]


def latin(name: str, code: str) -> str:
    """A name of that language as the front of an email address: lower-case a-z, nothing else."""
    text = (name.partition("/")[2] or name).lower()
    if code == "de":
        text = text.translate(_GERMAN)
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(sign for sign in plain if "a" <= sign <= "z")
