# Looks while answers are collected: with the key they are judged, and collecting stops when the result is clear. The endpoint
# on this machine gives the stored answers.
. "$SRC/tests/cli/prelude"
pocket_suspect
cat > server.py << 'END'
import http.server, json, sys
prompts = {p["prompt"]: p["id"] for p in map(json.loads, open(sys.argv[1]))}
answers, met = {}, {}
for answer in map(json.loads, open(sys.argv[2])):
    answers.setdefault(answer["id"].split("#")[0], []).append(answer["text"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        name = prompts[prompt]
        met[name] = met.get(name, -1) + 1
        body = json.dumps({"model": "student", "choices": [{"text": answers[name][met[name]], "finish_reason": "length"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
END
python3 -B server.py "$data/suspect-prompts.jsonl" "$data/suspect-guilty.jsonl" > url &
server=$!
trap 'kill $server' EXIT
while [ ! -s url ]; do sleep 0.05; done
verdigris investigate plan --profile p.json --prompts "$data/suspect-prompts.jsonl" --url "$(cat url)" --api completions --lists 0 --model student \
  --answers 3 --max-tokens 150 --alpha 1e-250 --looks 300,600,900,1200 --rate 1,100000 -o case > /dev/null
verdigris investigate collect --profile p.json --key k.key case
grep '"event":"look"' case/events.jsonl | sed 's/"time":"[^"]*"/"time":T/'
echo "judged"
try verdigris investigate test --profile p.json --key k.key case | sed -n -e '1,2p' -e '/look/p' -e '/^exit/p'
echo "another key than the plan's"
verdigris investigate plan --profile p.json --prompts "$data/suspect-prompts.jsonl" --url "$(cat url)" --api completions --lists 0 --model student \
  --answers 3 --max-tokens 150 --looks 300 --rate 1,100000 -o again > /dev/null
try verdigris investigate collect --profile p.json --key master.key again
test -s again/answers.jsonl || echo nothing was asked
