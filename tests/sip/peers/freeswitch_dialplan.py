#!/usr/bin/env python3
"""What FreeSWITCH makes of one extension of a dialplan, as far as its conditions, its variables and
mod_curl go: prints the actions that would be run, one a line.

    freeswitch_dialplan.py FILE NUMBER HTTP_ADDRESS NAME=VALUE...

Conditions are looked at in their order; an action that is inline runs at once; one that does not
match adds its anti-actions and ends the extension, unless it says break="never". mod_curl takes its
words apart at blanks, decodes what it posts, and takes the login out of the URL.
"""

import base64
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET


def curl(data, address):
    """Body of the answer, whatever its status."""
    words = data.split(" ")
    url = urllib.parse.urlsplit(words[0])
    login, _, _ = url.netloc.rpartition("@")
    kind = words[words.index("content-type") + 1]
    body = urllib.parse.unquote(words[words.index("post") + 1])
    basic = base64.b64encode(login.encode()).decode()
    headers = {"Content-Type": kind, "Authorization": f"Basic {basic}", "Accept": "*/*"}
    request = urllib.request.Request(f"http://{address}{url.path}", body.encode(), headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(request, timeout=5).read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        return ""


def run(extension, variables, address):
    ran = []

    def expand(text, groups):
        text = re.sub(r"\$\$?\{([^}]+)\}", lambda m: variables.get(m[1], ""), text)
        return re.sub(r"\$(\d)", lambda m: groups[int(m[1])], text)

    for condition in extension.iter("condition"):
        field, expression = condition.get("field"), condition.get("expression")
        value = variables.get(field, "") if field in variables else expand(field or "", [])
        match = re.search(expression, value) if expression else re.match("", "")
        groups = [match[0], *match.groups()] if match else []
        for action in condition.iter("action" if match else "anti-action"):
            name, data = action.get("application"), expand(action.get("data", ""), groups)
            if action.get("inline") != "true":
                ran.append(f"{name} {data}")
            elif name == "curl":
                variables["curl_response_data"] = curl(data, address)
        if not match and condition.get("break") != "never":
            break
    return ran


def main():
    path, number, address, *more = sys.argv[1:]
    variables = dict(pair.split("=", 1) for pair in more)
    variables["destination_number"] = number
    extension = next(ET.parse(path).iter("extension"))
    print("\n".join(run(extension, variables, address)))


if __name__ == "__main__":
    main()
