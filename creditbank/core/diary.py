"""The diary in plain words: what stands in a line, so that a learner understands it without a manual.

重庆大学于 2026-07-01 12:00 查看了您的余额（依据：该机构登记了您的学习成果）
"""

from datetime import datetime

from creditbank.core.calendar import SHANGHAI
from creditbank.core.entitlement import Basis, Sight

SIGHTS: dict[Sight, tuple[str, str]] = {
    Sight.IDENTITY: ("身份信息", "your name, birth date and identifiers"),
    Sight.BALANCE: ("余额", "your balance"),
    Sight.STATEMENT: ("积分明细", "your passbook"),
    Sight.OUTCOMES: ("学习成果", "your learning outcomes"),
    Sight.DECISION: ("认定或转换决定", "a decision on your learning outcomes"),
    Sight.CONVERSION: ("转换申请", "your applications for conversion"),
    Sight.PLAN: ("转换方案", "what you could convert"),
    Sight.QUALIFICATION: ("资历进度与授予", "what you have of a qualification, and your awards"),
    Sight.CASE: ("转换复核案件", "a case about one of your conversions"),
    Sight.LOOKUP: ("是否为本行学习者", "whether you have an account here"),
    Sight.CONSENTS: ("授权记录", "your consents"),
    Sight.CREDENTIALS: ("凭证", "your credentials"),
    Sight.ACCESS_LOG: ("查阅记录", "this diary"),
    Sight.EXPORT: ("全部数据（导出）", "all of your data, as an export"),
    Sight.REQUESTS: ("更正或删除申请", "your requests for correction or erasure"),
    Sight.TOKEN: ("访问令牌（可查看您本人可见的全部内容）", "a token that opens everything that you can see yourself"),
}
"""What was seen, in words for the learner."""

BASES: dict[Basis, tuple[str, str]] = {
    Basis.KNOWN: ("该机构登记了您的学习成果", "it opened your account or recorded your learning"),
    Basis.ISSUED: ("该机构颁发了此学习成果", "it issued this learning outcome"),
    Basis.PART: ("该机构参与受理此申请", "it takes part in deciding what you applied for"),
    Basis.RULES: ("评估新规则的影响", "to weigh what new rules would change"),
    Basis.AUDIT: ("审计", "audit"),
    Basis.OPERATOR: ("在系统控制台操作", "at the bank's own console"),
    Basis.PROXY: ("工作人员在服务点代您办理", "a member of staff acted for you at a counter"),
    Basis.GUARDIAN: ("监护人", "your guardian"),
    Basis.CONSENT: ("您的授权", "your consent"),
    Basis.SHARE: ("您的出示链接", "a link that you made"),
    Basis.IDENTITY_CASE: ("核实两个账户是否属于同一人", "to decide whether two accounts are one person's"),
}
"""Why it could be seen."""

ANYBODY = ("持有链接的人", "Whoever has the link")
"""Who opens a link, of whom nothing is asked."""

OPERATOR = ("学分银行运维人员", "The bank's operator")
"""Who reads at the console, where no institution and no program has a name."""


def sentences(reader: str, happened_at: datetime, sight: Sight, basis: str) -> dict[str, str]:
    """Return a line of the diary in both languages; `reader` is an institution's name, or a program's or person's id.

    The time is that of Shanghai. A consent's id behind its basis ("consent:0190…") is left out.
    """
    when = happened_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    what_zh, what_en = SIGHTS[sight]
    name, _, _ = basis.partition(":")
    why_zh, why_en = BASES[Basis(name)]
    unnamed = {Basis.OPERATOR: OPERATOR, Basis.SHARE: ANYBODY}
    who_zh, who_en = unnamed.get(Basis(name), (reader, reader))
    return {
        "zh": f"{who_zh}于 {when} 查看了您的{what_zh}（依据：{why_zh}）",
        "en": f"{who_en} looked at {what_en} on {when} (basis: {why_en})",
    }
