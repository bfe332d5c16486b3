#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends events to commissiond and reads its feed, written from proto/PROTOCOL.md alone.

    neighbour.py --endpoint ipc://DIR/run/clients.sock --server-key DIR/keys/server.pub --key DIR/keys/02E.key \\
        submit --sender 02E 1-needs.json
    neighbour.py ... follow --from 1

Needs protoc and the Python packages zmq and protobuf (Debian: protobuf-compiler python3-protobuf python3-zmq).
"""
import argparse, base64, datetime, hashlib, importlib, json, pathlib, struct, subprocess, sys, tempfile, time, uuid
import zmq
from google.protobuf import json_format
from google.protobuf.message import DecodeError

EVENTS, ANSWERS, FEED_ASKS, ENTRIES = 1, 2, 5, 6
RESEND_S = 5          # after so long without a word about an event, or about the feed, ask again
FRAME_ITEMS, FRAME_BYTES = 1024, 1 << 20
CREDIT = 200         # entries under way at a time: less than the messages that the daemon keeps for a slow reader


def load_messages(proto):
    """Compiles commission.proto and imports what comes of it."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"-I{proto.parent}", f"--python_out={folder}", proto.name], check=True)
        sys.path.insert(0, folder)
        sys.dont_write_bytecode = True
        return importlib.import_module(proto.stem + "_pb2")


# --- keys, connection, frames (sections 1 and 2) ---------------------------------------------------------------

def read_key(text, name):
    """A key in Z85: the text itself, or from a file with lines such as: public = ..."""
    path = pathlib.Path(text)
    if len(text) != 40 or path.is_file():
        lines = (line.partition("=") for line in path.read_text(encoding="ascii").splitlines())
        text = {before.strip(): after.strip() for before, equals, after in lines if equals}.get(name, "")
    if len(text) != 40:
        sys.exit(f"{path}: no {name} key in it")
    return text.encode()


def connect(options):
    sock = zmq.Context.instance().socket(zmq.DEALER)
    sock.curve_serverkey = read_key(options.server_key, "public")
    sock.curve_publickey, sock.curve_secretkey = read_key(options.key, "public"), read_key(options.key, "secret")
    sock.tcp_keepalive, sock.tcp_keepalive_idle, sock.handshake_ivl = 1, 10, 4000
    sock.immediate, sock.linger, sock.maxmsgsize = 1, 200, FRAME_BYTES + 64
    sock.connect(options.endpoint)
    return sock


def send(sock, kind, count, body):
    """Sends a frame, once there is a connection. If there is none it is as if lost on the way: the caller sends again."""
    if sock.poll(2000, zmq.POLLOUT):
        sock.send_multipart([struct.pack("<BBH", 1, kind, count), body])
    else:
        print("no connection (is the key known, the daemon there?), trying again", file=sys.stderr)


def receive(sock, wanted, message, timeout_s):
    """The next frame as a message; None when the time is over, or it is not of the wanted kind."""
    if not sock.poll(int(timeout_s * 1000)):
        return None
    parts = sock.recv_multipart()
    if len(parts) != 2 or len(parts[0]) != 4 or parts[0][0] != 1 or parts[0][1] != wanted:
        return None
    try:
        return message.FromString(parts[1])
    except DecodeError:
        return None


# --- events as JSON (section 12) -------------------------------------------------------------------------------

def once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a member is given twice")
    return dict(pairs)


def read_events(path, sender, pb):
    """The events of a file: JSON objects one after the other. Serialised once: the same bytes are sent each time."""
    decoder, text, at = json.JSONDecoder(object_pairs_hook=once), path.read_text(encoding="utf-8"), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        fields, at = decoder.raw_decode(text, at)
        fields = {"sender_ods": sender, "schema_version": 1, **fields}
        if len(fields.get("event_id") or "") in (32, 36):       # a UUID; json_format knows base64 only
            fields["event_id"] = base64.b64encode(uuid.UUID(fields["event_id"]).bytes).decode()
        event = json_format.ParseDict(fields, pb.Event())
        yield event, event.SerializeToString(deterministic=True)


def event_name(event, pb):
    subject = f"{event.lead_ods}/{event.reference}" if event.reference else event.organisation_ods
    return f"{uuid.UUID(bytes=event.event_id)} {subject} {pb.EventType.Enum.Name(event.event_type)}"


# --- submit (section 5) ----------------------------------------------------------------------------------------

class Sent:
    """An event under way."""
    def __init__(self, event, data):
        self.event, self.data, self.due, self.received, self.told = event, data, 0.0, False, set()
        self.subject = (event.lead_ods, event.reference, event.organisation_ods)


def send_due(sock, under_way, pb):
    """Sends what is due, many to a frame. An event first goes out when those before it, of its workflow, have receipts:
    so they are judged in the order of the file, whatever is lost or refused as BUSY on the way."""
    frame, size, now, waiting = pb.Events(), 0, time.monotonic(), set()
    for item in under_way.values():
        if item.due <= now and item.subject not in waiting:
            if len(frame.events) == FRAME_ITEMS or size + len(item.data) + 8 > FRAME_BYTES:
                break                                                  # the rest goes next time
            frame.events.append(item.data)
            size, item.due = size + len(item.data) + 8, now + RESEND_S
        if not item.received:
            waiting.add(item.subject)
    if frame.events:
        send(sock, EVENTS, len(frame.events), frame.SerializeToString())


def take(answer, item, pb):
    """What an answer says of its event: the line to print, and whether that was the end."""
    reasons = " ".join(reason.code for reason in answer.reasons)
    if answer.kind == pb.Answer.REFUSED:
        if again_later(answer):
            item.due = time.monotonic() + max(answer.retry_after_ms, 50) / 1000
        return f"REFUSED {reasons}", not again_later(answer)
    item.received, item.due = True, time.monotonic() + RESEND_S
    if answer.kind == pb.Answer.RECEIPT:
        return f"received as {answer.seq} {answer.entry_hash.hex()}", False
    return f"{pb.Verdict.Enum.Name(answer.verdict)} by {answer.verdict_seq} {reasons}".rstrip(), answer.verdict != pb.Verdict.HELD


def again_later(answer):
    return any(reason.code in ("BUSY", "DRAINING") for reason in answer.reasons)


def submit(sock, options, pb):
    under_way, accepted = {}, 0
    for event, data in read_events(options.file, options.sender, pb):
        if event.event_id in under_way:                                # an answer names the event by nothing else
            raise ValueError(f"{event_name(event, pb)}: another event of the file has this id")
        under_way[event.event_id] = Sent(event, data)
    count, deadline = len(under_way), time.monotonic() + options.timeout
    while under_way and time.monotonic() < deadline:
        send_due(sock, under_way, pb)
        answers = receive(sock, ANSWERS, pb.Answers, 0.1)
        for answer in answers.answers if answers else ():
            if not answer.event_id and not again_later(answer):
                raise ValueError("a whole frame was refused: " + answer.reasons[0].code + " " + answer.reasons[0].text)
            item = under_way.get(answer.event_id)
            if not item:                                               # said twice, after it was asked twice
                continue
            line, over = take(answer, item, pb)
            if line not in item.told:
                print(event_name(item.event, pb), line, "(repeated)" if answer.repeated else "", flush=True)
                item.told.add(line)
            if over:
                del under_way[answer.event_id]
                accepted += answer.verdict == pb.Verdict.ACCEPTED
    print(f"{accepted} of {count} accepted, {len(under_way)} without an end", file=sys.stderr)
    return 0 if accepted == count else 1


# --- follow (sections 9 and 11) --------------------------------------------------------------------------------

def entry_line(data, pb):
    entry = pb.Entry.FromString(data)
    kind = entry.WhichOneof("body") or "of a kind unknown here"
    at = datetime.datetime.fromtimestamp(entry.at_ms / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")
    body = getattr(entry, kind, None)
    what = event_name(pb.Event.FromString(body.event), pb) if kind in ("received", "recorded") else ""
    if kind in ("judged", "attempt_failed", "wait_ended"):
        what = f"of {body.of_seq}"
    if kind in ("judged", "recorded"):
        what += f" {pb.Verdict.Enum.Name(body.verdict)} " + " ".join(reason.code for reason in body.reasons)
    return f"{entry.seq} {at} {kind} {what}".rstrip()


def follow(sock, options, pb):
    read_seq, known = max(options.start, 1) - 1, (0, bytes(32))        # the newest entry seen, and its hash
    left, heard = 0, 0.0
    while True:
        if time.monotonic() - heard > RESEND_S:                        # at first, after silence, and after an error:
            heard, left = time.monotonic(), CREDIT                     # a feed opened again takes the old one's place
            ask = pb.FeedAsk(open=pb.FeedOpen(feed=1, from_seq=read_seq + 1, credit=CREDIT))
            send(sock, FEED_ASKS, 1, pb.FeedAsks(asks=[ask]).SerializeToString())
        news = receive(sock, ENTRIES, pb.Entries, 1)
        if news is None:
            continue
        if news.error:
            print("the feed ended:", news.error, file=sys.stderr)
            if news.error == "SENDER_NOT_AUTHORISED":
                return 1
            continue                                                   # opened again when the time is over
        heard = time.monotonic()
        for row in news.entries:
            if row.seq <= read_seq:                                    # seen before, from a feed since opened again
                continue
            if row.seq == known[0] + 1:
                good = hashlib.blake2b(known[1] + row.entry, digest_size=32).digest() == row.hash
                check = "hash good" if good else "HASH WRONG"
            else:
                check = "hash not checked: the entry before it is not ours to see"
            print(entry_line(row.entry, pb), f"({check})", flush=True)
            known, read_seq = (row.seq, row.hash), row.seq
        read_seq = max(read_seq, news.read_seq)
        left -= len(news.entries)
        if left <= CREDIT // 2:
            ask = pb.FeedAsk(credit=pb.FeedCredit(feed=1, credit=CREDIT - left))
            send(sock, FEED_ASKS, 1, pb.FeedAsks(asks=[ask]).SerializeToString())
            left = CREDIT


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Sends events to commissiond, or reads its feed.")
    parser.add_argument("--endpoint", default="ipc:///run/commissiond/clients.sock")
    parser.add_argument("--server-key", required=True, help="the daemon's public key: Z85, or a file with it")
    parser.add_argument("--key", required=True, help="file with one's own key pair")
    parser.add_argument("--proto", type=pathlib.Path, default=here.parent.parent / "proto" / "commission.proto")
    modes = parser.add_subparsers(dest="mode", required=True)
    mode = modes.add_parser("submit", help="send events, wait for their verdicts")
    mode.add_argument("file", type=pathlib.Path, help="JSON objects, one after the other")
    mode.add_argument("--sender", default="", help="sender_ods where the file leaves it out")
    mode.add_argument("--timeout", type=float, default=60, help="seconds to wait for all verdicts")
    mode = modes.add_parser("follow", help="read the feed of one's organisation, until Ctrl-C")
    mode.add_argument("--from", dest="start", type=int, default=1, metavar="SEQ")
    options = parser.parse_args()
    pb = load_messages(options.proto)
    sock = connect(options)
    return (submit if options.mode == "submit" else follow)(sock, options, pb)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ValueError, json_format.ParseError) as error:
        sys.exit(f"neighbour.py: {error}")
