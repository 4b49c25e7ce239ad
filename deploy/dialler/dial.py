#!/usr/bin/env python3
"""A dialler in small: reads numbers, asks trunkline for a permit, and has Asterisk call.

    dial.py --trunkline http://192.0.2.10:8443 --token-file TOKEN --ami 192.0.2.20:5038 \\
            --user dialler --secret-file SECRET --purpose callback.routine < numbers.csv

Each line is NUMBER[,CASE]. The customer is called first, then the call goes to --then, an extension
of the dialplan. A number that may not be called now is written to standard output with the moment
at which it may: `NUMBER,CASE,RULE,NEXT`. Everything else is told on standard error. A permit lives
for seconds, so it is fetched for one call at a time and just before it.

Exit code: 0 all were called or put off; 1 something did not answer, and the rest was not called.
"""

import argparse
import csv
import socket
import sys
import urllib.parse
import urllib.request

TIMEOUT_S = 2
RING_MS = 45_000


class Ami:
    """A session with the manager interface."""

    def __init__(self, address, user, secret):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), TIMEOUT_S)
        self.lines = self.socket.makefile("r", encoding="utf-8", newline="\r\n")
        self.lines.readline()  # the greeting
        answer = self.action(Action="Login", Username=user, Secret=secret, Events="off")
        if answer.get("Response") != "Success":
            raise ConnectionError(f"login: {answer.get('Message', 'no answer')}")

    def action(self, **headers):
        text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(f"{text}\r\n".encode())
        answer = {}
        for line in self.lines:
            if line == "\r\n" and answer:
                return answer
            name, _, value = line.strip().partition(": ")
            if name:
                answer[name] = value
        raise ConnectionError("the manager interface has closed the connection")


def permit(options, number, case):
    """What the gate answers: one line."""
    fields = {"number": number, "purpose": options.purpose, "case": case}
    with open(options.token_file, encoding="utf-8") as file:
        token = file.read().strip()
    request = urllib.request.Request(
        f"{options.trunkline}/v1/gate/permit",
        urllib.parse.urlencode(fields).encode(),
        {"Authorization": f"Bearer {token}", "Accept": "text/plain"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=TIMEOUT_S) as answer:
        return answer.read(512).decode().strip()


def call(options, ami, number, mark):
    """`__` has the customer's leg inherit it; the pre-dial handler puts it into the INVITE."""
    mark = {"Variable": f"__TRUNKLINE_MARK={mark}"} if mark else {}
    return ami.action(
        Action="Originate",
        Channel=f"Local/{options.prefix}{number}@{options.context}",
        Context=options.context,
        Exten=options.then,
        Priority=1,
        Timeout=RING_MS,
        Async="true",
        **mark,
    )


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("trunkline", "token-file", "ami", "user", "secret-file", "purpose"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--context", default="from-agents")
    parser.add_argument("--prefix", default="0", help="what the dialplan wants for the outside")
    parser.add_argument("--then", default="2000", help="where the customer is put through to")
    return parser.parse_args()


def main():
    options = read_options()
    with open(options.secret_file, encoding="utf-8") as file:
        ami = Ami(options.ami, options.user, file.read().strip())
    put_off = csv.writer(sys.stdout, lineterminator="\n")
    for row in csv.reader(sys.stdin):
        if not row:
            continue
        number, case = row[0].strip(), (row[1].strip() if len(row) > 1 else "")
        word, _, rest = permit(options, number, case).partition(" ")
        if word == "deny":
            put_off.writerow([number, case, *rest.split(" ")])
        elif word == "allow":
            answer = call(options, ami, number, "" if rest == "exempt" else rest)
            print(f"{answer.get('Message', answer)}", file=sys.stderr)
        else:
            raise ValueError("the gate's answer is neither allow nor deny")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        print(f"dial: {error}", file=sys.stderr)
        sys.exit(1)
