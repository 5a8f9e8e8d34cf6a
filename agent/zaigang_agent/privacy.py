"""What never leaves the machine."""

from __future__ import annotations

from typing import Final

NEVER: Final[tuple[tuple[str, str], ...]] = (
    ("key strokes, or how many there were", "键盘输入内容及次数"),
    ("mouse paths", "鼠标轨迹"),
    ("pictures of the screen", "屏幕截图"),
    ("window titles", "窗口标题"),
    ("addresses of web pages, or browsing history", "网址及浏览记录"),
    ("names or contents of files", "文件名及文件内容"),
    ("the clipboard", "剪贴板内容"),
    ("camera or microphone", "摄像头与麦克风"),
    ("contents of messages or calls", "消息及通话内容"),
    ("coordinates", "地理坐标"),
    ("names of Wi-Fi networks", "无线网络名称"),
    ("other people's Bluetooth devices", "他人的蓝牙设备"),
    ("names of applications that are not on the list of work applications", "非工作应用的名称"),
    (
        "anything about a person outside working hours or while paused",
        "工作时间以外或暂停期间的任何个人活动",
    ),
)
"""What is never read for sending, in English and Chinese. `show` and the privacy page print it."""
