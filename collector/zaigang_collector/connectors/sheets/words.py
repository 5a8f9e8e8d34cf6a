"""What is said of rows and of imports, in Chinese and in English: what was expected, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zaigang_collector.connectors.sheets.headings import Field
from zaigang_collector.matching.model import Text

EMPLOYEE: Final = Text(
    "应填工号，最长 64 个字。请补上后重新导入。",
    "expected an employee id of 64 characters at most: fill it in and import again",
)
MOMENT: Final = Text(
    "时间应写成 2026-09-21 08:55:10；只写钟点的，旁边要有日期列。",
    "expected a time as 2026-09-21 08:55:10, or a time of day with a column of days beside it",
)
DAY: Final = Text(
    "日期应写成 2026-09-21，或钉钉的写法 26-09-21 星期一。",
    "expected a day as 2026-09-21, or as DingTalk writes it: 26-09-21 星期一",
)
DIRECTION: Final = Text(
    "应填 in、out 或 field（上班、下班、外勤）。", "expected in, out or field (上班, 下班, 外勤)"
)
WORD: Final = Text(
    "应填 本人、考勤机、主管补卡 或 审批补卡。",
    "expected own, terminal, corrected_manager or corrected_approval",
)
NUMBER: Final = Text(
    "应填数字：纬度 -90 到 90，经度 -180 到 180，精度以米计。",
    "expected a number: latitude -90 to 90, longitude -180 to 180, accuracy in metres",
)
BOTH_COORDINATES: Final = Text(
    "经度和纬度要么都填，要么都不填。", "expected both coordinates or neither"
)
DATUM: Final = Text(
    "坐标必须注明坐标系：WGS-84、GCJ-02（高德、钉钉、企业微信）或 BD-09（百度）。整份文件相同的，"
    "用 --datum 指明即可。",
    "expected the datum of the coordinates: WGS-84, GCJ-02 or BD-09; --datum names it for the whole "
    "file",
)
BSSID: Final = Text(
    "应填无线路由器的 MAC 地址，例如 00:11:22:33:44:55；不是 Wi-Fi 名称。",
    "expected the MAC address of an access point, as 00:11:22:33:44:55, not its name",
)
FORMULA: Final = Text(
    "这一格是公式，不是值。请在表格里复制该列，选择性粘贴为“数值”，再导入。",
    "this is a formula, expected a value: copy the column and paste it as values",
)
NO_DIRECTION: Final = Text(
    "看不出是上班还是下班：当天的应打卡时间不成对。请补一列上班/下班；只有打卡流水的，加 --first-last。",
    "nothing says whether in or out, the planned times of the day are no pairs: add a column of "
    "in/out, or use --first-last",
)
NOT_BELIEVABLE: Final = Text(
    "打卡时间应在 2000 年以后，且不晚于现在。请检查考勤机的时钟。",
    "expected a time from the year 2000 on and not in the future: look at the machine's clock",
)
NO_SUCH_SITE: Final = Text(
    "没有这个驻场地点。应填地点编号或全名，sites list 可查看。",
    "expected the id or the name of a known site: `sites list` shows them",
)
NO_SITE: Final = Text(
    "对不上任何驻场地点：不在任何围栏内，当天也没有唯一的驻场安排。请补驻场安排，或用 --site、"
    "--address、--terminal 指明。",
    "at no known site: in no fence, and the person has not one assigned site on that day; assign "
    "one, or tell it with --site, --address or --terminal",
)
REPEATED: Final = Text(
    "与前面某行是同一次打卡（同人、同时刻、同方向、同设备），内容却不同。请核实后留下一行。",
    "the same punch as an earlier row (person, time, direction, device) with other content: keep one",
)

NO_HEADER: Final = Text(
    "前 10 行里找不到表头：至少要有 4 个认得的列名，例如 工号、打卡时间、打卡结果、考勤日期。"
    "请把表头行移到前面，或用 --mapping employee=列名 --mapping punched=列名 指明。",
    "No header within the first 10 rows: expected at least 4 known names, as 工号, 打卡时间, 打卡结果, "
    "考勤日期. Move it up, or name the columns: --mapping employee=HEADING --mapping punched=HEADING.",
)

FIELDS: Final[Mapping[Field, Text]] = {
    Field.EMPLOYEE: Text("工号", "employee id"),
    Field.PUNCHED: Text("打卡时间", "time of the punch"),
    Field.DATE: Text("打卡日期", "day of the punch"),
    Field.DAY: Text("考勤日期", "attendance day"),
    Field.PLANNED: Text("应打卡时间", "planned time"),
    Field.DIRECTION: Text("上班/下班", "in or out"),
    Field.RESULT: Text("打卡结果", "result"),
    Field.WORD: Text("打卡性质", "whose word"),
    Field.SITE: Text("驻场地点", "site"),
    Field.ADDRESS: Text("地址（只用来对应地点，不保存）", "address (tells the site, not kept)"),
    Field.LATITUDE: Text("纬度", "latitude"),
    Field.LONGITUDE: Text("经度", "longitude"),
    Field.DATUM: Text("坐标系", "datum"),
    Field.ACCURACY_M: Text("定位精度（米）", "accuracy (m)"),
    Field.BSSID: Text("无线路由器（只存哈希）", "access point (kept as a hash)"),
    Field.DEVICE: Text("打卡设备（手机名只存哈希）", "device (a phone's name is kept as a hash)"),
    Field.RECEIVED: Text("平台接收时间", "received at"),
}
"""What each field is called."""
