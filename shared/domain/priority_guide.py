"""What each priority is called and when to use it, in English and Russian."""

from dataclasses import dataclass

from shared.domain.ticket import Priority


@dataclass(frozen=True, slots=True)
class Guide:
    """Label and advice of a priority, by language."""

    label: dict[str, str]
    when_to_use: dict[str, str]


GUIDE: dict[Priority, Guide] = {
    Priority.CRITICAL: Guide(
        {"en": "Critical", "ru": "Критический"},
        {
            "en": "Work has stopped for a whole enterprise or many users, data or safety are at "
            "stake, and there is no way round. Served before everything else, within the hour.",
            "ru": "Работа всей организации или многих пользователей остановлена, под угрозой "
            "данные или безопасность, обходного пути нет. Решается прежде всего остального, в "
            "течение часа.",
        },
    ),
    Priority.HIGH: Guide(
        {"en": "High", "ru": "Высокий"},
        {
            "en": "The work or productivity of a user or an enterprise is seriously affected. "
            "Solved as fast as possible, within a few hours.",
            "ru": "Проблема серьёзно влияет на работу или производительность пользователя или "
            "предприятия. Решается как можно быстрее, в течение нескольких часов.",
        },
    ),
    Priority.MEDIUM: Guide(
        {"en": "Medium", "ru": "Средний"},
        {
            "en": "A user's work or a process of the enterprise is affected, but not critically: "
            "there is a way round. Solved within one or two days.",
            "ru": "Проблема влияет на работу пользователя или процессы предприятия, но не "
            "критична: есть обходной путь. Решается в течение одного-двух дней.",
        },
    ),
    Priority.LOW: Guide(
        {"en": "Low", "ru": "Низкий"},
        {
            "en": "Minor or insignificant: a question, a wish, a flaw that hinders nobody. Solved "
            "within several days to several weeks.",
            "ru": "Незначительная проблема: вопрос, пожелание, недочёт, который никому не мешает. "
            "Решается в срок от нескольких дней до нескольких недель.",
        },
    ),
}
