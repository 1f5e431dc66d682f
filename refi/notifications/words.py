"""Every word that is sent to borrowers: template, channel, language. Pure.

A text never changes under its version: a new wording raises the number in `VERSIONS`. Every text names the
sender. A push shows on a locked screen, so it carries no name, amount, date or debt. Marketing texts say how
to opt out.
"""

from __future__ import annotations

SENDER = {"zh-CN": "瑞分期", "en": "Refi"}

VERSIONS = {
    "one_time_code": 1,
    "due_soon": 1,
    "due_tomorrow": 1,
    "due_today": 1,
    "past_due": 1,
    "past_due_firm": 1,
    "past_due_final": 1,
    "micro_loan": 1,
}

SMS_ZH, SMS_EN = ("sms", "zh-CN"), ("sms", "en")
PUSH_ZH, PUSH_EN = ("push", "zh-CN"), ("push", "en")

_NOTICE = {
    PUSH_ZH: "{{ sender }}:您有一条账户提醒,请打开应用查看。",
    PUSH_EN: "{{ sender }}: you have a notice about your account. Open the app to read it.",
}

TEXTS: dict[str, dict[tuple[str, str], str]] = {
    "one_time_code": {
        SMS_ZH: "【{{ sender }}】验证码 {{ code }},{{ minutes }} 分钟内有效。请勿告诉任何人。",
        SMS_EN: "{{ sender }}: your code is {{ code }}, valid for {{ minutes }} minutes."
        " Do not share it with anyone.",
    },
    "due_soon": {
        **_NOTICE,
        SMS_ZH: "【{{ sender }}】您的分期应还 {{ amount | money(currency) }},"
        "将于 {{ due_on | day }} 到期。如已还款请忽略。",
        SMS_EN: "{{ sender }}: your payment of {{ amount | money(currency) }} is due on"
        " {{ due_on | day }}. Ignore this if you have paid.",
    },
    "due_tomorrow": {
        **_NOTICE,
        SMS_ZH: "【{{ sender }}】您的分期应还 {{ amount | money(currency) }},"
        "明天({{ due_on | day }})到期。如已还款请忽略。",
        SMS_EN: "{{ sender }}: your payment of {{ amount | money(currency) }} is due tomorrow,"
        " {{ due_on | day }}. Ignore this if you have paid.",
    },
    "due_today": {
        **_NOTICE,
        SMS_ZH: "【{{ sender }}】您的分期应还 {{ amount | money(currency) }},"
        "今天({{ due_on | day }})到期。如已还款请忽略。",
        SMS_EN: "{{ sender }}: your payment of {{ amount | money(currency) }} is due today,"
        " {{ due_on | day }}. Ignore this if you have paid.",
    },
    "past_due": {
        **_NOTICE,
        SMS_ZH: "【{{ sender }}】您的分期 {{ amount | money(currency) }} 已于 {{ due_on | day }} 到期,"
        "尚未还款。请尽快还款;如有困难请联系我们。",
        SMS_EN: "{{ sender }}: your payment of {{ amount | money(currency) }} was due on"
        " {{ due_on | day }} and has not arrived. Please pay, or talk to us if you cannot.",
    },
    "past_due_firm": {
        **_NOTICE,
        SMS_ZH: "【{{ sender }}】您的分期 {{ amount | money(currency) }} 自 {{ due_on | day }} 起逾期。"
        "请还款,或联系我们商定还款安排。",
        SMS_EN: "{{ sender }}: {{ amount | money(currency) }} has been past due since"
        " {{ due_on | day }}. Please pay, or contact us to agree on a plan.",
    },
    "past_due_final": {
        **_NOTICE,
        SMS_ZH: "【{{ sender }}】您的分期 {{ amount | money(currency) }} 自 {{ due_on | day }} 起逾期。"
        "请在应用内还款或联系我们,我们愿意协助您安排还款。",
        SMS_EN: "{{ sender }}: {{ amount | money(currency) }} has been past due since"
        " {{ due_on | day }}. Please pay in the app or contact us; we can help with a plan.",
    },
    "micro_loan": {
        PUSH_ZH: "{{ sender }}:有一项新服务供您了解,请打开应用查看。退订请在应用设置中关闭。",
        PUSH_EN: "{{ sender }}: there is something new for you in the app. Opt out in settings.",
        SMS_ZH: "【{{ sender }}】您可申请 {{ amount | money(currency) }} 小额借款,分 {{ term }} 期,"
        "年化利率(单利){{ apr | rate }}。详情见应用。拒收请回复 {{ opt_out }}",
        SMS_EN: "{{ sender }}: you can apply for a loan of {{ amount | money(currency) }} over"
        " {{ term }} months at {{ apr | rate }} APR. See the app. Reply {{ opt_out }} to opt out.",
    },
}
