"""The Russian of what is said about refused requests: one catalogue of patterns.

Texts are made in English, by marshmallow and by us, with values inside. A pattern is such a text
with names in place of the values; its translation has the same names. A text without a pattern
stays English, and Content-Language says so.
"""

import re
from functools import lru_cache

from services.intake.api.languages import Language

#: English pattern: Russian pattern. `{name}` stands for any text.
RUSSIAN: dict[str, str] = {
    # marshmallow
    "Missing data for required field.": "Обязательное поле отсутствует.",
    "Field may not be null.": "Поле не может быть null.",
    "Unknown field.": "Неизвестное поле.",
    "Invalid value.": "Недопустимое значение.",
    "Invalid input type.": "Здесь нужен объект.",
    "Invalid type.": "Здесь нужен объект.",
    "Not a valid string.": "Здесь нужна строка.",
    "Not a valid integer.": "Здесь нужно целое число.",
    "Not a valid number.": "Здесь нужно число.",
    "Not a valid boolean.": "Здесь нужно true или false.",
    "Not a valid list.": "Здесь нужен список.",
    "Not a valid mapping type.": "Здесь нужен объект.",
    "Not a valid email address.": "Это не адрес электронной почты.",
    "Not a valid URL.": "Это не URL.",
    "Not a valid utf-8 string.": "Это не строка в UTF-8.",
    "Number too large.": "Число слишком велико.",
    "Must be one of: {choices}.": "Допустимо одно из: {choices}.",
    "Shorter than minimum length {min}.": "Короче наименьшей длины {min}.",
    "Longer than maximum length {max}.": "Длиннее наибольшей длины {max}.",
    "Length must be between {min} and {max}.": "Длина должна быть от {min} до {max}.",
    "Length must be {equal}.": "Длина должна быть {equal}.",
    "Must be greater than or equal to {min} and less than or equal to {max}.": (
        "Должно быть не меньше {min} и не больше {max}."
    ),
    "Must be greater than or equal to {min}.": "Должно быть не меньше {min}.",
    "Must be less than or equal to {max}.": "Должно быть не больше {max}.",
    # ours, about fields
    "One field is not acceptable.": "Не принято одно поле.",
    "{count} fields are not acceptable.": "Не принято полей: {count}.",
    "Send a JSON object.": "Отправьте объект JSON.",
    "The NUL character is not allowed.": "Символ NUL не допускается.",
    "Nested more than {count} levels deep.": "Вложенность глубже {count} уровней.",
    "{value} is given more than once.": "{value} указано больше одного раза.",
    "Use 1 to 63 characters: lower-case letters, digits, and . _ - inside.": (
        "От 1 до 63 знаков: строчные латинские буквы, цифры, внутри также . _ -"
    ),
    "Not a time; write RFC 3339, such as 2026-01-31T09:30:00Z.": (
        "Это не время; пишите по RFC 3339, например 2026-01-31T09:30:00Z."
    ),
    "The time has no zone; end it in Z or an offset such as +02:00.": (
        "У времени нет пояса; закончите его на Z или смещением, например +02:00."
    ),
    "Give at least one of name, email and phone.": "Укажите хотя бы имя, e-mail или телефон.",
    "This is the desk's to set, not the requester's; leave it out.": (
        "Это задаёт служба поддержки, а не заявитель; уберите это поле."
    ),
    "A requester does not see this field, so nothing can be narrowed by it.": (
        "Заявитель не видит этого поля, поэтому отбирать по нему нельзя."
    ),
    "A requester does not see {names}.": "Заявитель не видит: {names}.",
    "One field is not a requester's.": "Одно поле — не для заявителя.",
    "{count} fields are not a requester's.": "Полей не для заявителя: {count}.",
    "There is no team {name}.": "Команды {name} нет.",
    "There is no skill {name}.": "Навыка {name} нет.",
    "There is no agent {name}.": "Агента {name} нет.",
    "There is no profile {name}.": "Профиля {name} нет.",
    "There is no calendar {name}.": "Календаря {name} нет.",
    "The ticket refers to what does not exist.": "Заявка ссылается на то, чего нет.",
    "An Idempotency-Key has 1 to {max} printable ASCII characters.": (
        "В Idempotency-Key от 1 до {max} печатных знаков ASCII."
    ),
    # ours, about requests
    "The body is not JSON: {reason}.": "Тело не JSON: {reason}.",
    "The body is not UTF-8: byte {place} begins no character.": (
        "Тело не в UTF-8: с байта {place} не начинается ни один знак."
    ),
    "The body has {pointer} twice; send each member of an object once.": (
        "В теле дважды есть {pointer}; отправьте каждое поле один раз."
    ),
    "The body is nested more than {count} levels deep; make it flatter.": (
        "Вложенность тела глубже {count} уровней; сделайте его площе."
    ),
    "The body holds a number too large to be kept exactly, about {number}; send it as text.": (
        "В теле слишком большое число, около {number}, его не сохранить точно; отправьте текстом."
    ),
    "The body is larger than {limit} bytes. Send a link to what is too large.": (
        "Тело больше {limit} байт. Отправьте ссылку на то, что слишком велико."
    ),
    "The body is larger than {limit} bytes when unpacked. Send it in parts.": (
        "После распаковки тело больше {limit} байт. Отправьте его частями."
    ),
    "The body did not arrive in time; nothing was done. Send it again, all at once.": (
        "Тело не пришло вовремя; ничего не сделано. Отправьте его ещё раз целиком."
    ),
    "The body broke off after {count} bytes; nothing was done. Send it again.": (
        "Тело оборвалось после {count} байт; ничего не сделано. Отправьте его ещё раз."
    ),
    "Send JSON: Content-Type: {type}.": "Отправьте JSON: Content-Type: {type}.",
    "Send an iCalendar file: Content-Type: {type}.": (
        "Отправьте файл iCalendar: Content-Type: {type}."
    ),
    "Send a merge patch (RFC 7396): Content-Type: {type}.": (
        "Отправьте merge patch (RFC 7396): Content-Type: {type}."
    ),
    "The encoding {name} is not known here; send gzip, or none.": (
        "Кодирование {name} здесь неизвестно; отправьте gzip или ничего."
    ),
    "The answer is JSON, which the Accept header leaves out; send Accept: {type}.": (
        "Ответ — JSON, а заголовок Accept его не допускает; отправьте Accept: {type}."
    ),
    "Send an API key: Authorization: Bearer pbk_…; make one by: patchbay keys create": (
        "Отправьте ключ API: Authorization: Bearer pbk_…; его создаёт: patchbay keys create"
    ),
    "This API key is not known.": "Такого ключа API нет.",
    "This API key was revoked.": "Этот ключ API отозван.",
    "This API key has expired.": "Срок этого ключа API истёк.",
    "This API key lacks the scope {scope}.": "У этого ключа API нет права {scope}.",
    # webhooks
    "A webhook secret begins with whsec_.": "Секрет вебхука начинается с whsec_.",
    "A webhook secret must be base64.": "Секрет вебхука записан не в base64.",
    "A webhook secret has {min} to {max} bytes.": "В секрете вебхука от {min} до {max} байт.",
    "A webhook secret must be random; this one can be guessed.": (
        "Секрет вебхука должен быть случайным; этот можно угадать."
    ),
    "A secret of your own is shared, for v1; the keys of v1a are made here.": (
        "Свой секрет бывает только общим, для v1; ключи v1a создаются здесь."
    ),
    "This secret signs already; bring another one.": ("Этот секрет уже подписывает; дайте другой."),
    "The subscription that this went to is deleted.": "Подписка, куда это отправлялось, удалена.",
    "The URL cannot be subscribed.": "На этот URL нельзя подписаться.",
    "destination not allowed": "сюда отправлять нельзя",
    "a webhook url must use https": "URL вебхука должен начинаться с https",
    "a webhook url has no fragment": "в URL вебхука нет фрагмента",
    "a webhook url has no user name or password": "в URL вебхука нет имени и пароля",
    "a webhook url has no spaces, control characters or backslashes": (
        "в URL вебхука нет пробелов, управляющих символов и обратных косых черт"
    ),
    "a webhook url has no IPv6 zone": "в URL вебхука нет зоны IPv6",
    "the webhook url cannot be read": "URL вебхука не удаётся прочитать",
    "the webhook url has no valid host": "в URL вебхука нет правильного хоста",
    "the host in brackets is not an IPv6 address": "хост в скобках не адрес IPv6",
    "port {port} is not one of {ports}": "порт {port} не из числа {ports}",
    "port 0 cannot be reached": "порт 0 недостижим",
    "No answer from the name servers of this host within {budget} s.": (
        "Серверы имён этого хоста не ответили за {budget} с."
    ),
    "Too many look-ups of host names are under way; try again in a moment.": (
        "Слишком много имён хостов проверяется сразу; повторите чуть позже."
    ),
    "There is no ticket {id}.": "Заявки {id} нет.",
    "The {noun} is at version {version} now; read it again and repeat the change.": (
        "Сейчас версия {version}; прочтите заново и повторите изменение."
    ),
    "This Idempotency-Key was used before with another request; use a new one.": (
        "Этот Idempotency-Key уже был с другим запросом; возьмите новый."
    ),
    "The first request with this Idempotency-Key is not done yet; repeat it soon.": (
        "Первый запрос с этим Idempotency-Key ещё выполняется; повторите чуть позже."
    ),
    "The external id {id} of the source {source} belongs to another ticket.": (
        "Внешний номер {id} источника {source} принадлежит другой заявке."
    ),
    "This API key may send {count} requests of the class {name} in {window} seconds. "
    "Wait {wait} seconds.": (
        "Этому ключу API можно {count} запросов вида {name} за {window} с. Подождите {wait} с."
    ),
    "This name is taken, or something referred to does not exist.": (
        "Это имя занято, либо чего-то упомянутого нет."
    ),
    "Something went wrong here; the request id finds it.": (
        "Что-то сломалось у нас; по request_id это найдётся."
    ),
    "The database cannot be reached, or is too busy to answer.": (
        "База данных недоступна или слишком занята."
    ),
    "All database connections are busy.": "Все соединения с базой данных заняты.",
    "The service is shutting down.": "Служба останавливается.",
}

_NAME = re.compile(r"\{\w+\}")


def translate(text: str, language: Language) -> str | None:
    """Return a text in a language, or None if it has no translation."""
    return text if language is Language.ENGLISH else _russian(text)


@lru_cache(maxsize=1024)
def _russian(text: str) -> str | None:
    for pattern, russian in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return russian.format(**found.groupdict())
    return None


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the catalogue as expressions, those that say the most first."""
    ordered = sorted(RUSSIAN.items(), key=lambda pair: -len(_NAME.sub("", pair[0])))
    return tuple((_expression(english), russian) for english, russian in ordered)


def _expression(english: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", english)
    pieces = [
        f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
    ]
    return re.compile("".join(pieces), re.DOTALL)
