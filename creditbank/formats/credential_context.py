"""Our own terms in credentials: Open Badges has credits without a unit, so that ours are stated in an extension."""

from typing import Any

PATH = "/credentials/contexts/v1"
"""Where the context stands below the bank's address; what it says never changes, a change is another version."""

_TEXT = "http://www.w3.org/2001/XMLSchema#string"
_DECIMAL = "http://www.w3.org/2001/XMLSchema#decimal"
_DAY = "http://www.w3.org/2001/XMLSchema#date"
_WHOLE = "http://www.w3.org/2001/XMLSchema#integer"
_YES_OR_NO = "http://www.w3.org/2001/XMLSchema#boolean"
_LANGUAGES = "@language"
"""No datatype: a text in several languages, each under its own."""

TYPES = {
    "BalanceStatementCredential": ("学分余额证明", "What a learner has on a day, by credit scheme"),
    "ConversionCredential": ("学习成果转换认定书", "What outcomes were counted as by an accepting institution"),
    "CreditHolder": ("学分持有人", "A learner, under a name that is this credential's alone"),
    "CreditRecognition": ("学分认定", "What a learning outcome was recognised as"),
    "CreditScheme": ("学分体系", "A unit of credit: how many hours make one"),
    "CreditBalance": ("学分余额", "What is on an account in one scheme"),
    "CreditConversion": ("学分转换", "A decision that outcomes count toward a programme"),
    "ConvertedPart": ("转换项", "One outcome that counts toward one course, or toward the programme"),
    "QualificationAward": ("资历授予", "A level of a qualification that was awarded"),
    "QualificationPart": ("资历构成", "One thing that the level asks for and that was there"),
}
"""Types of objects, each with what it means."""

TERMS = {
    "creditRecognition": (None, "学分认定", "What the outcome was recognised as"),
    "creditScheme": (None, "学分体系", "In which unit credits are counted"),
    "creditAmount": (_DECIMAL, "学分数", "Credits of the scheme, with two places"),
    "creditLevel": (_TEXT, "等级", "The level at which they were recognised"),
    "creditCategory": (_TEXT, "类别", "The category in which they were recognised"),
    "ruleSetCode": (_TEXT, "规则集代码", "By which rules it was decided"),
    "ruleSetVersion": (_WHOLE, "规则集版本", "By which version of them"),
    "schemeCode": (_TEXT, "体系代码", "The scheme's code at the bank"),
    "hoursPerCredit": (_DECIMAL, "每学分学时", "Hours that make one credit"),
    "minutesPerHour": (_WHOLE, "每学时分钟", "Minutes of such an hour"),
    "creditsAsOf": (_DAY, "截止日期", "The day (Asia/Shanghai) of which the balances are"),
    "creditBalance": (None, "学分余额", "The balance in one scheme"),
    "recognisedCredits": (_DECIMAL, "认定学分", "All that was recognised and not taken back"),
    "heldCredits": (_DECIMAL, "冻结学分", "What is held for a conversion"),
    "convertedCredits": (_DECIMAL, "已转换学分", "What was spent on conversions"),
    "expiredCredits": (_DECIMAL, "过期学分", "What is past its last day"),
    "availableCredits": (_DECIMAL, "可用学分", "What can be used on that day"),
    "creditConversion": (None, "学分转换", "The conversion that the credential is about"),
    "acceptingInstitution": (None, "接受机构", "Who counts the outcomes"),
    "acceptedOn": (_DAY, "认定日期", "The day (Asia/Shanghai) of the decision"),
    "programmeCode": (_TEXT, "专业代码", "The code of the programme at the accepting institution"),
    "convertedPart": (None, "转换项", "What counts toward what"),
    "courseCode": (_TEXT, "课程代码", "The course that is replaced"),
    "courseTitle": (_TEXT, "课程名称", "Its title"),
    "sourceTitle": (_TEXT, "成果名称", "The title of the outcome that counts"),
    "grantedCredits": (_DECIMAL, "转换所得学分", "What the accepting institution grants for it"),
    "qualificationAward": (None, "资历授予", "The award that the credential is about"),
    "qualificationCode": (_TEXT, "资历代码", "The code of the qualification's definition"),
    "qualificationVersion": (_WHOLE, "资历定义版本", "By which version of it the level was awarded"),
    "qualificationTitle": (_LANGUAGES, "资历名称", "What the qualification is called"),
    "levelCode": (_TEXT, "等级代码", "The level's code in the definition"),
    "levelTitle": (_LANGUAGES, "等级名称", "What the level is called"),
    "awardedOn": (_DAY, "授予日期", "The day (Asia/Shanghai) of the award"),
    "awardingInstitution": (None, "授予机构", "Who awarded it; nobody where it is automatic"),
    "isAutomatic": (_YES_OR_NO, "自动授予", "Whether the rules awarded it, without anybody's judgement"),
    "qualificationPart": (None, "资历构成", "What the level asks for and was there"),
    "partTitle": (_LANGUAGES, "构成名称", "What the part is called"),
    "partAsked": (_LANGUAGES, "要求", "What it asks for, in words"),
}
"""Members of objects, each with the datatype of its value (None for an object) and what it means."""


def context_address(base_url: str) -> str:
    """Return under which address a bank publishes the context."""
    return base_url + PATH


def context_document(base_url: str) -> dict[str, Any]:
    """Return the context: each term under an address in this very document, and below it what it means."""
    address = context_address(base_url)
    context: dict[str, Any] = {"@protected": True, "id": "@id", "type": "@type"}
    context |= {name: f"{address}#{name}" for name in TYPES}
    for name, (datatype, _, _) in TERMS.items():
        context[name] = {"@id": f"{address}#{name}"} | _value(datatype)
    meanings = {name: {"zh": zh, "en": en} for name, (zh, en) in TYPES.items()}
    meanings |= {name: {"zh": zh, "en": en} for name, (_, zh, en) in TERMS.items()}
    return {"@context": context, "meanings": meanings}


def _value(datatype: str | None) -> dict[str, str]:
    """Return what a context says of a member's value."""
    if datatype is None:
        return {}
    return {"@container": datatype} if datatype == _LANGUAGES else {"@type": datatype}
