#!/usr/bin/env python3
"""AGI: asks trunkline for a permit before a call is dialled.

    AGI(trunkline-permit.py,NUMBER,PURPOSE[,KEY=VALUE...])

TRUNKLINE_URL and TRUNKLINE_TOKEN are variables of the dialplan. TRUNKLINE_ANSWER is set to what was
answered: "allow permit-...", "allow exempt" or "deny RULE NEXT"; it is empty when nobody answered
within two seconds, or not so. Python's own library is enough.
"""

import sys
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT_S = 2


def ask(command):
    """One command of AGI; the value in its parentheses."""
    sys.stdout.write(command + "\n")
    sys.stdout.flush()
    answer = sys.stdin.readline().strip()
    return answer[answer.index("(") + 1 : -1] if answer.endswith(")") else ""


def permit(url, token, fields):
    form = urllib.parse.urlencode(fields).encode()
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/plain"}
    request = urllib.request.Request(f"{url}/v1/gate/permit", form, headers)
    # A proxy of the environment is none for a neighbour.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return answer.read(512).decode().strip()
    except (OSError, ValueError) as error:
        print(f"trunkline-permit: {error}", file=sys.stderr)
        return ""


def main():
    while sys.stdin.readline().strip():
        pass  # what Asterisk says of the call
    number, purpose, *more = sys.argv[1:]
    fields = {"number": number, "purpose": purpose}
    fields.update(pair.split("=", 1) for pair in more if "=" in pair)
    url, token = (ask(f"GET VARIABLE TRUNKLINE_{name}") for name in ("URL", "TOKEN"))
    answer = permit(url, token, fields)
    if not answer.startswith(("allow ", "deny ")):
        answer = ""
    quoted = answer.replace("\\", "").replace('"', "'")
    ask(f'SET VARIABLE TRUNKLINE_ANSWER "{quoted}"')


if __name__ == "__main__":
    main()
