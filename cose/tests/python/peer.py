"""Opens and makes tokens with two other implementations of COSE: python-cwt and pycose.

Reads a JSON list of tasks from standard input, writes a JSON list of answers to standard output. Bytes are in
hexadecimal. A task: library ("cwt" or "pycose"), action ("open" or "make"), keys (the outer key first), and token, or
claims, nonce and tags (0 none, 1 COSE, 2 CWT and COSE). An answer: claims and, where the claim cnf has a COSE_Key or an
Encrypted_COSE_Key, that key, read and written by the library; or token; or error.
"""

import json
import sys

import cbor2
import cwt
from cbor2 import CBORTag
from pycose.keys import CoseKey
from pycose.messages import CoseMessage, Enc0Message, Mac0Message, Sign1Message

CWT_TAG = 61
ENCRYPT0_TAG = 16
SYMMETRIC = 4
CNF = 8
ALGORITHM, KID, IV = 1, 4, 5
SIGNATURES = (-7, -8)
MACS = (4, 5)
# COSE_Key: key_ops for the side that makes, and for the side that opens.
OPERATIONS = {"make": {"sign": [1], "mac": [9], "aead": [3]}, "open": {"sign": [2], "mac": [10], "aead": [4]}}


def kind(algorithm):
    return "sign" if algorithm in SIGNATURES else "mac" if algorithm in MACS else "aead"


def key_map(task, key):
    """The COSE_Key with what it may be used for."""
    values = cbor2.loads(bytes.fromhex(key))
    values[4] = OPERATIONS[task["action"]][kind(values[3])]
    return values


def untagged(token):
    """The COSE structure without the CWT tag."""
    item = cbor2.loads(token)
    return item.value if isinstance(item, CBORTag) and item.tag == CWT_TAG else item


class PythonCwt:
    """The library of the package cwt: it reads and writes whole tokens, with the tag of the COSE structure."""

    def key(self, values):
        return cwt.COSEKey.new(values)

    def proof_key(self, values):
        """It wants an alg in every symmetric key; a pre-shared key for DTLS has none."""
        if values[1] == SYMMETRIC:
            values = {3: 5, **values}
        return self.key(values).to_dict()

    def open(self, token, keys):
        claims = cwt.CWT.new().decode(token, [self.key(values) for values in keys])
        found = claims.get(CNF, {})
        if 1 in found:
            return claims, self.proof_key(found[1])
        if 2 in found:
            content = cwt.COSE.new(verify_kid=True).decode(CBORTag(ENCRYPT0_TAG, found[2]), self.key(keys[0]))
            return claims, self.proof_key(cbor2.loads(content))
        return claims, None

    def make(self, claims, keys, nonce, tags):
        tool, outer = cwt.CWT.new(), self.key(keys[0])
        tagged = tags == 2
        if len(keys) == 2:
            inner = tool.encode_and_sign(claims, self.key(keys[1]))
            return tool.encode_and_encrypt(inner, outer, nonce, tagged=tagged)
        use = kind(keys[0][3])
        if use == "sign":
            return tool.encode_and_sign(claims, outer, tagged=tagged)
        if use == "mac":
            return tool.encode_and_mac(claims, outer, tagged=tagged)
        return tool.encode_and_encrypt(claims, outer, nonce, tagged=tagged)


class Pycose:
    """The library of the package pycose: it knows COSE, not CWT. The CWT tag is put on and taken off here."""

    MESSAGES = {"sign": Sign1Message, "mac": Mac0Message, "aead": Enc0Message}

    def key(self, values):
        return CoseKey.from_dict(values)

    def open(self, token, keys):
        content = self.open_structure(untagged(token), keys[0])
        for values in keys[1:]:
            content = self.open_structure(cbor2.loads(content), values)
        claims = cbor2.loads(content)
        found = claims.get(CNF, {})
        if 1 in found:
            return claims, cbor2.loads(self.key(found[1]).encode())
        if 2 in found:
            key = cbor2.loads(self.open_structure(found[2], keys[0]))
            return claims, cbor2.loads(self.key(key).encode())
        return claims, None

    def open_structure(self, item, values):
        use = kind(values[3])
        if isinstance(item, CBORTag):
            message = CoseMessage.decode(cbor2.dumps(item))
        else:
            message = self.MESSAGES[use].from_cose_obj(list(item), True)
        if not isinstance(message, self.MESSAGES[use]):
            raise ValueError(f"not a {use}")
        message.key = self.key(values)
        if use == "aead":
            return message.decrypt()
        if not (message.verify_signature() if use == "sign" else message.verify_tag()):
            raise ValueError("not authentic")
        return message.payload

    def make(self, claims, keys, nonce, tags):
        content = cbor2.dumps(claims)
        for values in reversed(keys[1:]):
            content = self.structure(content, values, nonce, True)
        token = self.structure(content, keys[0], nonce, tags > 0)
        return cbor2.dumps(CBORTag(CWT_TAG, cbor2.loads(token))) if tags == 2 else token

    def structure(self, content, values, nonce, tagged):
        use = kind(values[3])
        protected = {ALGORITHM: values[3], KID: values[2]}
        if use == "aead":
            protected[IV] = nonce
        message = self.MESSAGES[use](phdr=protected, uhdr={}, payload=content)
        message.key = self.key(values)
        return message.encode(tag=tagged)


LIBRARIES = {"cwt": PythonCwt(), "pycose": Pycose()}


def answer(task):
    library = LIBRARIES[task["library"]]
    try:
        keys = [key_map(task, key) for key in task["keys"]]
        if task["action"] == "open":
            claims, key = library.open(bytes.fromhex(task["token"]), keys)
            return {"claims": cbor2.dumps(claims).hex(), "key": cbor2.dumps(key).hex() if key else None}
        claims = cbor2.loads(bytes.fromhex(task["claims"]))
        token = library.make(claims, keys, bytes.fromhex(task["nonce"]), task["tags"])
        return {"token": token.hex()}
    except Exception as error:  # whatever a library throws: the test decides whether it should have
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    json.dump([answer(task) for task in json.load(sys.stdin)], sys.stdout)
