"""Words for people: the title and the display message of every problem code, in English and zh-CN."""

from __future__ import annotations

STATUS = {
    400: "The request cannot be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "No such thing, or not yours",
    405: "Not with this method",
    409: "Not in this state",
    412: "The version seen is no longer the current one",
    413: "The body is too large",
    415: "Not this media type",
    422: "A rule refuses it",
    428: "Say which version you saw",
    429: "Too many tries",
    503: "Try again in a moment",
}

TITLES: dict[str, tuple[str, str, str]] = {
    # code: (title for integrators, English for people, 中文)
    "malformed_json": ("Malformed JSON", "The request could not be read.", "请求内容无法解析。"),
    "validation_failed": ("Validation failed", "Please check what you entered.", "请检查填写的内容。"),
    "idempotency_key_missing": (
        "Idempotency-Key missing", "Something went wrong. Please try again.", "出了点问题，请重试。"),
    "idempotency_key_reused": (
        "Idempotency-Key reused", "This was already sent with other contents.", "该请求已用其他内容提交过。"),
    "idempotency_key_in_flight": (
        "Idempotency-Key in flight", "We are still working on it.", "正在处理，请稍候。"),
    "unauthenticated": ("Unauthenticated", "Please sign in.", "请先登录。"),
    "otp_invalid": ("Invalid one-time code", "The code is wrong or has expired.", "验证码错误或已过期。"),
    "scope_missing": ("Not allowed", "You may not do this.", "您没有此操作权限。"),
    "self_approval_forbidden": (
        "Self-approval forbidden", "Somebody else has to approve this.", "需由他人复核，不能审批自己的操作。"),
    "not_found": ("Not found", "We could not find it.", "未找到。"),
    "invalid_transition": ("Not in this state", "This is not possible now.", "当前状态不能进行此操作。"),
    "statement_exists": ("Statement exists", "This bill was imported with other figures.", "该账单已导入，且金额不同。"),
    "statement_stale": ("Statement too old", "Please import a newer bill.", "账单已过期，请导入最新账单。"),
    "statement_overdue": ("Statement overdue", "This bill is past its due date.", "该账单已过到期还款日。"),
    "consent_missing": ("Consent missing", "We need your consent first.", "需要您先授权同意。"),
    "card_not_payable": ("Card not payable", "We cannot pay this card.", "暂时无法向该卡还款。"),
    "offer_expired": ("Offer expired", "This offer has expired.", "该方案已过期。"),
    "loan_not_active": ("Loan not active", "This loan takes no payments now.", "该借款当前不能还款。"),
    "amount_exceeds_payoff": (
        "Amount exceeds payoff", "That is more than you owe.", "金额超过结清所需金额。"),
    "amount_below_minimum": ("Amount below minimum", "The amount is too small.", "金额低于最低限额。"),
    "already_reversed": ("Already reversed", "This was already taken back.", "该笔已冲正。"),
    "modification_limit": ("Modification limit", "This was changed often enough.", "变更次数已达上限。"),
    "cap_exceeded": ("Cap exceeded", "This would cost more than is allowed.", "变更后的综合成本超过上限。"),
    "stale_version": ("Stale version", "It has changed meanwhile. Please look again.", "内容已变更，请刷新后重试。"),
    "version_missing": ("Version missing", "Please look at it again first.", "请先刷新后再操作。"),
    "reason_required": ("Reason required", "Please give a reason.", "请填写原因。"),
    "contact_blocked": ("Contact blocked", "Contact is not allowed now.", "当前不允许联系该客户。"),
    "business_day_closing": ("Business day closing", "One moment, please try again.", "系统日切中，请稍后重试。"),
    "rate_limited": ("Too many tries", "Too many tries. Please wait a little.", "操作过于频繁，请稍后再试。"),
    "internal_error": ("Internal error", "Something went wrong on our side.", "系统出错，请稍后再试。"),
    "dependency_unavailable": ("Temporarily unavailable", "Please try again in a moment.", "服务暂不可用，请稍后重试。"),
    "method_not_allowed": ("Method not allowed", "This is not possible here.", "不支持该操作。"),
    "body_too_large": ("Body too large", "That is too much at once.", "提交内容过大。"),
    "unsupported_media_type": ("Unsupported media type", "The request could not be read.", "请求格式不支持。"),
}  # fmt: skip


def title(code: str) -> str:
    """The English title of a code."""
    return TITLES[code][0] if code in TITLES else code.replace("_", " ").capitalize()


def display(code: str, accept_language: str) -> str:
    """A sentence for a person, in the first language of ``Accept-Language`` that we speak (default English)."""
    _, english, chinese = TITLES.get(code, TITLES["validation_failed"])
    return chinese if language(accept_language) == "zh-CN" else english


def language(accept_language: str) -> str:
    """``zh-CN`` or ``en``, whichever the header prefers; ``en`` when it names neither."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language.split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            quality = 0.0
        wanted.append((-quality, place, tag.lower()))
    for quality, _, tag in sorted(wanted):
        if quality < 0 and tag.startswith("zh"):
            return "zh-CN"
        if quality < 0 and tag.startswith("en"):
            return "en"
    return "en"
