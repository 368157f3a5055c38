import type { CodeSamples } from "./code-samples.ts";

/** From two files to a video, in each language. Each needs nothing but what its first line says. */
export const quickstart = (baseUrl: string): CodeSamples => ({
  curl: `API=${baseUrl}
call() { curl -sS --fail-with-body -H "Authorization: Bearer $AVATAR_API_KEY" "$@"; }

job=$(call "$API/v1/jobs" -F image=@portrait.png -F audio=@speech.wav) || echo "$job"
id=$(echo "$job" | grep -o 'job_[0-9a-f]*' | head -1)
while call "$API/v1/jobs/$id?wait=30" | grep -E '"status":"(queued|starting|running)"'; do :; done
result=$(call "$API/v1/jobs/$id/result") || echo "$result"  # where the job failed, this says why
url=$(echo "$result" | grep -o '"url":"[^"]*"' | cut -d '"' -f 4)
curl -sS "$url" -o talking.mp4`,
  typescript: `import { Avatar } from "@avatar/client";
import { file, saveTo } from "@avatar/client/node";

const avatar = new Avatar({ baseUrl: "${baseUrl}" });
const video = await avatar.generate({ image: file("portrait.png"), audio: file("speech.wav") });
await saveTo(video, "talking.mp4");`,
  python: `import json, os, urllib.error, urllib.request
from pathlib import Path

def call(method, path, body=None):
    request = urllib.request.Request(
        "${baseUrl}" + path,
        method=method,
        headers={"Authorization": "Bearer " + os.environ["AVATAR_API_KEY"], "Content-Type": "application/json"},
        data=json.dumps(body).encode() if body else None,
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(error.read().decode())  # what happened, and what to do

def upload(path, content_type):
    data = Path(path).read_bytes()
    link = call("POST", "/v1/uploads", {"contentType": content_type, "bytes": len(data)})
    urllib.request.urlopen(urllib.request.Request(link["url"], data, link["headers"], method="PUT")).close()
    return link["id"]

job = call("POST", "/v1/jobs", {
    "image": upload("portrait.png", "image/png"),
    "audio": upload("speech.wav", "audio/wav"),
})
while job["status"] in ("queued", "starting", "running"):
    job = call("GET", f"/v1/jobs/{job['id']}?wait=30&after={job['version']}")
result = call("GET", f"/v1/jobs/{job['id']}/result")  # where the job failed, this says why
urllib.request.urlretrieve(result["url"], "talking.mp4")`,
});
