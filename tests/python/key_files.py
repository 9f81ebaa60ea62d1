"""Key files of keys that are nobody's, written as keys-and-evidence.md E3 and native-schemes.md N2, N4 have it: a second writer."""

import base64
import hashlib
import hmac
import json
import struct

ROLES = {"master": 1, "scheme": 2, "epoch": 3, "provider": 4, "selector": 5, "account": 6}


def derive(parent, label, data=b""):
    """HKDF-SHA256 of 32 bytes."""
    extracted = hmac.digest(b"verdigris/1", parent, "sha256")
    return hmac.digest(extracted, b"verdigris/1/" + label + b"\0" + data + b"\1", "sha256")


def tagged(label, data):
    return hashlib.sha256(b"verdigris/1/" + label + b"\0" + data).digest()


def key_file(role, key, scheme_id="-", epoch="-", account="-"):
    kid = tagged(b"key-id", bytes([ROLES[role]]) + key)[:8].hex()
    text = (f"verdigris-secret-key/1\nrole: {role}\nkid: {kid}\nscheme: {scheme_id}\nepoch: {epoch}\naccount: {account}\n"
            f"created: 2027-01-01T00:00:00Z\nenc: none\nkey: {base64.b64encode(key).decode()}\n").encode()
    return text + b"mac: " + base64.b64encode(hmac.digest(derive(key, b"key-file"), text, "sha256")) + b"\n"


def tree(scheme_id, seed=b"marking test", epoch=3, accounts=("acct-7", "acct-8")):
    """Files of provider, selector and accounts under a master key made of `seed`."""
    master = hashlib.sha256(seed).digest()
    parent = derive(derive(master, b"scheme", bytes.fromhex(scheme_id)), b"epoch", struct.pack(">I", epoch))
    files = {role: key_file(role, derive(parent, role.encode()), scheme_id, epoch) for role in ("provider", "selector")}
    for label in accounts:
        files[label] = key_file("account", derive(parent, b"account", label.encode()), scheme_id, epoch, label)
    return files


def profile(scheme="green", vocab=1000, share=128, window=2, special=((0, 2),), specials="plain", delta_milli=2000, tokenizer_sha256="5b" * 32,
            zero_temperature="off"):
    """A profile file in canonical JSON; what only `green` has is for that alone."""
    own = {"green": {"planes": 2, "threshold": 1}, "gumbel": {}, "tournament": {"layers": 30}}[scheme]
    settings = {"specials": specials, "delta_milli": delta_milli, "zero_temperature": zero_temperature} if scheme == "green" else {"specials": "preserve"}
    scheme_object = {"normaliser": "none/1", "prf": "verdigris/1/aes256", "provider_share": share, "scheme": scheme,
                     "tokenizer_sha256": tokenizer_sha256, "unmarked_ids": [list(pair) for pair in special], "vocab": vocab, "window": window} | own
    whole = {"sampler": settings, "schema": "verdigris.profile/1", "scheme": scheme_object}
    return (json.dumps(whole, sort_keys=True, separators=(",", ":")) + "\n").encode()
