"""The two pages that lie in every bundle: what it is, and how to check it by hand."""

from __future__ import annotations

from typing import Final

_ZH: Final = """\
在岗 证据包
===========

这个文件包含一份核验结论，以及得出该结论所依据的全部记录。任何人都可以离线核对，不需要连接
公司的服务器，也不需要相信公司或本软件的作者。

信任根指纹
----------
    {first}
    {second}

请先把这串指纹与您从别处（例如入职时签收的纸质告知书、工会或公证处的留底）得到的指纹逐组比对。
写在证据包里的指纹本身不能证明任何事：伪造证据包的人也可以写上自己的指纹。

用程序核对
----------
    zaigang-verify 文件名.zip --root "指纹"

不用本软件，手工核对
--------------------
只需 unzip、sha256sum、openssl，以及任意一种能读 CBOR 的程序库：
1. manifest.json 列出了包内每个文件的 SHA-256，逐一比对。
2. devices/ 中每台设备的证书由 trust/ca.pem 签发，其中的名称是 zaigang:device:设备编号。
3. envelopes/ 中每个签名封包是 COSE_Sign1（RFC 9052），用该设备证书中的 Ed25519 公钥验签；
   封包中的 prev 是前一个封包的 SHA-256。
4. receipts/ 中的回执由 trust/collector.pem 的公钥签名。封包中的 rcpt 是它引用的回执的 SHA-256，
   因此封包不可能早于该回执的时间生成。
5. checkpoint.txt 是账本检查点，由 trust/log.vkey 的公钥签名；下面的其他签名行属于见证方。
   checkpoint.tsr（如有）是对检查点正文的 RFC 3161 时间戳。
6. entries.json 的每一条都是存证账本中的一个叶子，其默克尔证明（RFC 9162）必须得出检查点中的根。
7. assessment.json、policy.json 和 bodies/ 中的每个文件，其 SHA-256 都写在 entries.json 的某一条里。
完整步骤见项目文档 docs/verify-by-hand.md。

它不能证明什么
--------------
- 签名证明某台设备记录了这些读数，不证明当时是谁在使用这台设备。
- 没有记录不等于没有到岗；无法核实的时段不应作为对员工不利的依据。
- 软件只提出问题，结论由具名的人在听取员工说明之后作出。
"""

_EN: Final = """\
zaigang evidence bundle
=======================

This file holds one assessment and every record that it rests on. Anybody can check it offline,
without reaching the company's server and without trusting the company or the makers of this
software.

Fingerprint of the trust root
-----------------------------
    {first}
    {second}

First compare it, group by group, with the fingerprint that you have from elsewhere: the notice
that was signed on paper, the works council, a notary. A fingerprint that stands in the bundle
proves nothing by itself: who forges a bundle can write their own into it.

With the program
----------------
    zaigang-verify FILE.zip --root "FINGERPRINT"

By hand, without this software
------------------------------
It takes unzip, sha256sum, openssl and any library that reads CBOR.
1. manifest.json lists the SHA-256 of every file.
2. The certificates in devices/ are issued by trust/ca.pem and name zaigang:device:ID.
3. Each file in envelopes/ is a COSE_Sign1 (RFC 9052) that holds under the Ed25519 key in that
   device's certificate; its prev is the SHA-256 of the envelope before it.
4. The receipts in receipts/ are signed by the key in trust/collector.pem. The rcpt of an envelope
   is the SHA-256 of the receipt that it quotes, so it was not made before that receipt.
5. checkpoint.txt is signed by the key in trust/log.vkey; the other lines below it are those of
   witnesses. checkpoint.tsr, where there is one, is an RFC 3161 time stamp of its text.
6. Each item of entries.json is a leaf of the ledger; its Merkle proof (RFC 9162) must lead to the
   root in the checkpoint.
7. The SHA-256 of assessment.json, policy.json and each file in bodies/ stands in one of them.
Each step in full: docs/verify-by-hand.md of the project.

What it does not prove
----------------------
- A signature proves that a device recorded these readings, not who was using the device.
- No record is not absence; a time that is unverified must not be held against anybody.
- The software raises questions. A named person concludes, after hearing the employee.
"""


def texts(fingerprint: str) -> dict[str, bytes]:
    """README.zh.txt and README.en.txt with the root's fingerprint in them, in two lines."""
    half = len(fingerprint) // 2
    lines = {"first": fingerprint[:half].strip(), "second": fingerprint[half:].strip()}
    return {
        "README.zh.txt": _ZH.format(**lines).encode(),
        "README.en.txt": _EN.format(**lines).encode(),
    }
