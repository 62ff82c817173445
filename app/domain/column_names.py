"""What people call the columns of their lists, in a dozen languages, and what such a column then holds."""

import unicodedata
from enum import StrEnum


class Use(StrEnum):
    """What a column holds."""

    IGNORE = "ignore"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    PUSH = "push"
    TOPICS = "topics"
    ID = "id"
    ATTRIBUTE = "attribute"


_HEADERS: dict[Use, str] = {
    Use.ID: "contactid $id",
    Use.EMAIL: (
        "email emailaddress emailaddresses mail mailaddress emailadresse mailadresse adresseemail adressemail courriel "
        "adresseelectronique correo correoelectronico email1 primaryemail indirizzoemail indirizzodiposta "
        "postaelettronica epost epostadress epostadresse sahkoposti sahkopostiosoite emailadres adresemail eposta "
        "почта электроннаяпочта имейл 邮箱 电子邮件 电子邮箱 郵箱 メール メールアドレス 이메일 "
        "البريدالإلكتروني emailcim"
    ),
    Use.PHONE: (
        "phone phonenumber telephone tel mobile mobilephone cell cellphone sms msisdn telefon telefonnummer handy "
        "handynummer mobil mobilnummer mobiltelefon rufnummer telephoneportable portable numerodetelephone telefono "
        "movil celular cellulare numeroditelefono telefone telemovel telefoon telefoonnummer gsm puhelin "
        "puhelinnumero mobiilinumero телефон мобильный номертелефона 电话 手机 手机号 電話 電話番号 携帯電話 "
        "전화번호 휴대폰 "
        "telefonszam phone1 whatsapp"
    ),
    Use.PUSH: "pushtoken devicetoken push fcmtoken apnstoken registrationtoken token",
    Use.TOPICS: (
        "topics topic lists list segments segment groups group themen thema listen liste gruppen gruppe verteiler "
        "sujets listes groupes themes temas listas grupos argomenti liste gruppi onderwerpen lijsten ämnen "
        "aiheet "
        "темы списки 主题 列表 トピック subscriptions newsletters"
    ),
    Use.NAME: (
        "name fullname displayname contactname contact customer customername vollername vollstandigername kontakt "
        "nomcomplet nombrecompleto nombreyapellidos nomecompleto nome naam volledigenaam namn nimi имя фио полноеимя "
        "姓名 名字 氏名 名前 이름 الاسم adsoyad nev"
    ),
}
_NAME_PART_WORDS = (
    "firstname forename givenname lastname surname familyname middlename vorname nachname familienname prenom nom "
    "nomdefamille nombre nombres apellido apellidos cognome sobrenome apelido voornaam achternaam fornamn efternamn "
    "etunimi sukunimi имя фамилия отчество 姓 名 ad soyad"
)
NAME_PARTS = frozenset(_NAME_PART_WORDS.split())


def plain_header(header: str) -> str:
    """Lower case, without accents, spaces and signs (but for the `$` of `$id`)."""
    text = unicodedata.normalize("NFKD", header.casefold().replace("ß", "ss"))
    plain = "".join(sign for sign in text if sign.isalnum() or sign == "$")
    return unicodedata.normalize("NFC", plain)


USE_OF_HEADER = {plain_header(word): use for use, words in _HEADERS.items() for word in words.split()}
