"""An extender: keeps pods off nodes that are about to be serviced, and prefers nodes that cost less.

Nodes say so in annotations:
  example.com/maintenance   when service begins, as in 2026-12-01T22:00:00+00:00; an hour before, no pod goes there any more
  example.com/hourly-price  a number; the cheapest node gets the full score, the dearest none

Python 3.9 or newer, nothing else: python3 extender.py [PORT]
"""

import json
import sys
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOTICE = timedelta(hours=1)
FULL_SCORE = 10  # the protocol's scale; schedulers multiply it by ten and by the extender's weight


def annotation(node, name):
    return node["metadata"].get("annotations", {}).get("example.com/" + name)


def is_serviced_soon(node):
    begins = annotation(node, "maintenance")
    return begins is not None and datetime.fromisoformat(begins) - datetime.now(timezone.utc) < NOTICE


def filter_nodes(args):
    nodes = args["Nodes"]["items"]
    kept = [node for node in nodes if not is_serviced_soon(node)]
    failed = {node["metadata"]["name"]: "node(s) about to be serviced" for node in nodes if is_serviced_soon(node)}
    # Evicting pods does not help: so failed nodes are no candidates for preemption.
    return {"Nodes": {"items": kept}, "FailedAndUnresolvableNodes": failed}


def prioritize_nodes(args):
    nodes = args["Nodes"]["items"]
    prices = {node["metadata"]["name"]: float(annotation(node, "hourly-price") or 0) for node in nodes}
    low, high = min(prices.values()), max(prices.values())
    spread = (high - low) or 1
    return [{"Host": name, "Score": round(FULL_SCORE * (high - price) / spread)} for name, price in prices.items()]


VERBS = {"/filter": filter_nodes, "/prioritize": prioritize_nodes}


class Extender(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open

    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        verb = VERBS.get(self.path)
        try:
            status, answer = (200, verb(json.loads(sent))) if verb else (404, {"Error": "no such verb"})
        except (KeyError, ValueError, TypeError) as error:
            status, answer = 200, {"Error": f"{type(error).__name__}: {error}"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8888
    ThreadingHTTPServer(("127.0.0.1", port), Extender).serve_forever()
