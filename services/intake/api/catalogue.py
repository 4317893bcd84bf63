"""Every problem the API may answer with: its status, what it means and the way out.

A problem's `type` leads to its entry on the page that is made of this, in English and in Russian.
"""

from dataclasses import dataclass

from services.intake.api.languages import Language


@dataclass(frozen=True, slots=True)
class Words:
    """A text in each language."""

    en: str
    ru: str

    def of(self, language: Language) -> str:
        """Return the text in a language."""
        return self.ru if language is Language.RUSSIAN else self.en


@dataclass(frozen=True, slots=True)
class Entry:
    """One problem type. `iana` if its type is registered and not a page of ours."""

    status: int
    title: Words
    meaning: Words
    way_out: Words
    iana: bool = False

    @property
    def explanation(self) -> Words:
        """What it means and the way out."""
        meaning, way_out = self.meaning, self.way_out
        return Words(f"{meaning.en} {way_out.en}", f"{meaning.ru} {way_out.ru}")


CATALOGUE: dict[str, Entry] = {
    "malformed-request": Entry(
        400,
        Words("The request cannot be read", "Запрос не читается"),
        Words(
            "The body is not well-formed, broke off, or a header is not what it must be.",
            "Тело запроса составлено неверно или оборвалось, либо неверен заголовок.",
        ),
        Words("The detail says where and why.", "Где и почему, сказано в detail."),
    ),
    "unauthenticated": Entry(
        401,
        Words("An API key is needed", "Нужен ключ API"),
        Words(
            "No API key came along, or one that is unknown, revoked or expired.",
            "Ключа API нет, либо он неизвестен, отозван или просрочен.",
        ),
        Words(
            "Send Authorization: Bearer pbk_…; patchbay keys create makes a key.",
            "Отправьте Authorization: Bearer pbk_…; ключ создаёт patchbay keys create.",
        ),
    ),
    "forbidden": Entry(
        403,
        Words("The API key may not do this", "Ключу API это не разрешено"),
        Words("The key lacks the scope that the detail names.", "У ключа нет нужного права."),
        Words("Use a key that has it.", "Возьмите ключ, у которого оно есть."),
    ),
    "not-found": Entry(
        404,
        Words("There is no such thing", "Такого нет"),
        Words("Nothing has this id or path.", "Ничего с таким номером или путём нет."),
        Words("Check the id and the path.", "Проверьте номер и путь."),
    ),
    "method-not-allowed": Entry(
        405,
        Words("The path does not know this method", "Этот метод здесь не принимается"),
        Words(
            "The path exists, and the method does not.", "Путь есть, а такого метода у него нет."
        ),
        Words("The Allow header lists those it knows.", "Допустимые перечислены в Allow."),
    ),
    "not-acceptable": Entry(
        406,
        Words("The answer cannot be given in that form", "В таком виде ответа нет"),
        Words("The Accept header leaves JSON out.", "Заголовок Accept не допускает JSON."),
        Words("Accept JSON.", "Допустите JSON."),
    ),
    "request-timeout": Entry(
        408,
        Words("The body did not arrive in time", "Тело запроса не пришло вовремя"),
        Words(
            "Sending the body took longer than the service waits; nothing was done.",
            "Тело передавалось дольше, чем служба ждёт; ничего не сделано.",
        ),
        Words("Send it again, all at once.", "Отправьте его ещё раз целиком."),
    ),
    "conflict": Entry(
        409,
        Words("The present state forbids it", "Нынешнее состояние этого не допускает"),
        Words(
            "A name or external id is taken, something referred to does not exist, or what is to "
            "be deleted is in use.",
            "Имя или внешний номер заняты, упомянутого нет, либо удаляемое используется.",
        ),
        Words(
            "Read what is there; the problem names it where that is possible.",
            "Прочтите, что есть; по возможности оно названо в ответе.",
        ),
    ),
    "not-scanned-yet": Entry(
        409,
        Words("The file was not scanned yet", "Файл ещё не проверен"),
        Words(
            "The virus scan has not seen the file yet.", "Проверка на вирусы ещё не дошла до файла."
        ),
        Words(
            "Try again in a moment; `state` of the attachment tells.",
            "Повторите чуть позже; состояние видно в `state` вложения.",
        ),
    ),
    "infected": Entry(
        403,
        Words("The file is infected", "Файл заражён"),
        Words(
            "The virus scan found something in the file; it is never handed out.",
            "Проверка нашла в файле вирус; он никому не выдаётся.",
        ),
        Words("Ask the sender for another file.", "Попросите отправителя прислать другой файл."),
    ),
    "invalid-transition": Entry(
        409,
        Words("The ticket has no such step", "Такого шага у заявки нет"),
        Words(
            "The life of a ticket has no such step from where it stands.",
            "Из нынешнего состояния заявки такого шага нет.",
        ),
        Words(
            "`allowed` lists the steps that there are.", "Возможные шаги перечислены в `allowed`."
        ),
    ),
    "idempotency-key-in-flight": Entry(
        409,
        Words(
            "The first request with this key is not done",
            "Первый запрос с этим ключом ещё не выполнен",
        ),
        Words(
            "A request with the same Idempotency-Key is being carried out at this moment.",
            "Запрос с тем же Idempotency-Key выполняется прямо сейчас.",
        ),
        Words(
            "Repeat the same request after Retry-After; it gets the first one's answer.",
            "Повторите тот же запрос через Retry-After секунд: придёт ответ первого.",
        ),
    ),
    "version-mismatch": Entry(
        412,
        Words("It was changed meanwhile", "Тем временем это изменили"),
        Words(
            "It is not at the version that If-Match or If-None-Match ask for.",
            "Версия не та, которой требуют If-Match или If-None-Match.",
        ),
        Words("Read it again and repeat the change.", "Прочтите заново и повторите изменение."),
    ),
    "length-required": Entry(
        411,
        Words("The body does not say how long it is", "Не указана длина тела запроса"),
        Words(
            "Neither Content-Length nor gzip tells where the body ends.",
            "Ни Content-Length, ни gzip не говорят, где кончается тело.",
        ),
        Words(
            "Send Content-Length, or pack the body: Content-Encoding: gzip.",
            "Укажите Content-Length или сожмите тело: Content-Encoding: gzip.",
        ),
    ),
    "too-large": Entry(
        413,
        Words("The body is too large", "Тело запроса слишком велико"),
        Words(
            "The body, as sent or unpacked, a file or what a ticket holds is larger than the "
            "limit, which the detail names.",
            "Тело (как есть или после распаковки), файл или всё, что есть у обращения, больше "
            "допустимого; предел назван в пояснении.",
        ),
        Words(
            "Send less, compress it, or attach a link to what is too large.",
            "Отправьте меньше, сожмите или приложите ссылку на то, что велико.",
        ),
    ),
    "range-not-satisfiable": Entry(
        416,
        Words("There is no such part", "Такой части нет"),
        Words("The file has no such part.", "В файле нет такой части."),
        Words("Content-Range says how many bytes it has.", "Размер файла указан в Content-Range."),
    ),
    "unsupported-media-type": Entry(
        415,
        Words("The body is of a type not taken here", "Такой вид тела здесь не принимается"),
        Words(
            "Content-Type is not what the operation takes, or Content-Encoding is not gzip.",
            "Content-Type не тот, который нужен операции, или Content-Encoding не gzip.",
        ),
        Words(
            "The detail says what to send; so do Accept, Accept-Patch or Accept-Encoding.",
            "Что отправить, сказано в detail и в Accept, Accept-Patch или Accept-Encoding.",
        ),
    ),
    "file-type-refused": Entry(
        415,
        Words("The type of file is not taken", "Такие файлы не принимаются"),
        Words(
            "The content of the file is of a type that is not taken; `detected` says which.",
            "По содержанию файл того вида, который не принимается; он назван в `detected`.",
        ),
        Words(
            "`allowed` lists what is; put it into a ZIP file, or attach a link.",
            "Разрешённые перечислены в `allowed`; упакуйте в ZIP или приложите ссылку.",
        ),
    ),
    "invalid-input": Entry(
        422,
        Words("Some fields are not acceptable", "Некоторые поля не приняты"),
        Words(
            "Fields are missing, unknown, of the wrong type or out of range.",
            "Поля отсутствуют, неизвестны, не того вида или вне пределов.",
        ),
        Words(
            "`errors` has a JSON Pointer and a reason for each.",
            "В `errors` для каждого есть JSON Pointer и причина.",
        ),
    ),
    "file-refused": Entry(
        422,
        Words("The file is not taken", "Файл не принят"),
        Words(
            "The file is empty, damaged, encrypted, two formats at once, or would unpack to too "
            "much; `reason` says which.",
            "Файл пуст, повреждён, зашифрован, двух видов сразу или при распаковке слишком велик; "
            "причина в `reason`.",
        ),
        Words(
            "Send it in another form, or attach a link.",
            "Пришлите в другом виде или приложите ссылку.",
        ),
    ),
    "idempotency-key-reused": Entry(
        422,
        Words("The key belongs to another request", "Ключ принадлежит другому запросу"),
        Words(
            "The Idempotency-Key came before with another body or path.",
            "Idempotency-Key уже приходил с другим телом или путём.",
        ),
        Words("Use a new key for a new request.", "Для нового запроса нужен новый ключ."),
    ),
    "precondition-required": Entry(
        428,
        Words("Say which version you change", "Скажите, какую версию меняете"),
        Words(
            "A change of a ticket needs If-Match, or it could undo what others did.",
            "Для изменения заявки нужен If-Match, иначе можно затереть чужие изменения.",
        ),
        Words(
            "Send If-Match with the ETag of a GET, or If-Match: * to change whatever is there.",
            "Отправьте If-Match с ETag из GET или If-Match: *, чтобы менять что бы там ни было.",
        ),
    ),
    "quota-exceeded": Entry(
        429,
        Words("The quota is used up", "Квота исчерпана"),
        Words(
            "The API key sent more requests than it may in the window of RateLimit-Policy.",
            "Ключ API прислал больше запросов, чем разрешает RateLimit-Policy.",
        ),
        Words("Wait Retry-After seconds.", "Подождите Retry-After секунд."),
        iana=True,
    ),
    "internal-error": Entry(
        500,
        Words("A fault of the service", "Ошибка службы"),
        Words("Something went wrong here.", "Что-то сломалось у нас."),
        Words(
            "Report it with the request id; the log has the cause.",
            "Сообщите request_id: по нему в журнале найдётся причина.",
        ),
    ),
    "secret-unreadable": Entry(
        500,
        Words("A secret cannot be read", "Секрет не читается"),
        Words(
            "A secret in the database is sealed by a key that the service does not have.",
            "Секрет в базе данных зашифрован ключом, которого у службы нет.",
        ),
        Words(
            "Give the operator the request id and the detail, which names the key.",
            "Сообщите администратору request_id и detail: там назван ключ.",
        ),
    ),
    "unavailable": Entry(
        503,
        Words("Not at the moment", "Сейчас не получится"),
        Words(
            "A dependency, the database most likely, is down, or the service is stopping.",
            "Недоступна база данных или другая часть, либо служба останавливается.",
        ),
        Words("Try again after Retry-After.", "Повторите через Retry-After секунд."),
    ),
    "too-broad": Entry(
        503,
        Words("The question is too broad", "Запрос слишком широк"),
        Words(
            "The list or search took longer than it may.",
            "Список или поиск занял больше времени, чем разрешено.",
        ),
        Words(
            "Ask for less: a filter more, a shorter span of time, a rarer word.",
            "Сузьте запрос: ещё один фильтр, меньший срок, более редкое слово.",
        ),
    ),
}
