"""The codes that the city's inquiries carry; the default catalogue names the same ones.

Queues are what a caller's menu leads to: a topic, a language, sign language for video calls, and
the advisors, to whom agents pass on what they cannot answer.
"""

CATEGORIES = (
    "administration",
    "economy",
    "welfare",
    "environment",
    "housing",
    "culture",
    "transport",
    "safety",
    "health",
    "family",
)

DISTRICTS = (
    "jongno",
    "jung",
    "yongsan",
    "seongdong",
    "gwangjin",
    "dongdaemun",
    "jungnang",
    "seongbuk",
    "gangbuk",
    "dobong",
    "nowon",
    "eunpyeong",
    "seodaemun",
    "mapo",
    "yangcheon",
    "gangseo",
    "guro",
    "geumcheon",
    "yeongdeungpo",
    "dongjak",
    "gwanak",
    "seocho",
    "gangnam",
    "songpa",
    "gangdong",
)

KOREAN = "ko"

GENERAL, ADVISORS, SIGN = "general", "advisors", "sign-language"

TOPIC_QUEUES = {
    "administration": GENERAL,
    "economy": GENERAL,
    "culture": GENERAL,
    "transport": "transport",
    "safety": "transport",
    "welfare": "welfare",
    "health": "welfare",
    "family": "welfare",
    "environment": "environment",
    "housing": "housing",
}
"""The queue of each category, for callers who choose a topic in the menu."""

LANGUAGE_QUEUES = {
    "en": "english",
    "zh": "chinese",
    "ja": "japanese",
    "vi": "vietnamese",
    "mn": "mongolian",
}

TEXTS = "texts"
"""Where texts wait for an agent: a list of work, no queue that citizens enter."""

CONTACT_SOURCES = {
    "phone": "pbx",
    "video": "video-relay",
    "sms": "sms-gateway",
    "internet": "web-form",
    "sns": "sns-gateway",
}

LIVE_CHANNELS = ("phone", "video")
"""Channels whose citizens wait in a queue; the others write."""

AGENCIES = {
    "administration": ("resident-service", "tax-bureau"),
    "economy": ("job-centre", "tax-bureau"),
    "welfare": ("welfare-bureau", "community-centre"),
    "environment": ("waterworks", "waste-collection"),
    "housing": ("housing-corporation", "city-planning"),
    "culture": ("tourist-office", "city-library"),
    "transport": ("bus-company", "metro", "taxi-union", "lost-and-found"),
    "safety": ("fire-and-rescue", "road-maintenance"),
    "health": ("public-health-centre", "medical-emergency"),
    "family": ("family-centre", "childcare-centre"),
}
"""Who is asked about a category, beside the office of the citizen's district."""
