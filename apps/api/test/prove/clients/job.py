"""From two files to a video, with what openapi-python-client makes of the document."""

import io
import os
import time
import urllib.request
from pathlib import Path

from avatar_client import AuthenticatedClient
from avatar_client.api.jobs import generate, result, status
from avatar_client.models import GenerateFilesBody, SucceededJob
from avatar_client.types import File

client = AuthenticatedClient(os.environ["AVATAR_BASE_URL"], os.environ["AVATAR_API_KEY"])
image, audio = (
    File(io.BytesIO(Path(os.environ[name]).read_bytes()), file_name=name, mime_type=kind)
    for name, kind in (("IMAGE", "image/png"), ("AUDIO", "audio/wav"))
)
job = generate.sync(client=client, body=GenerateFilesBody(image=image, audio=audio))
while job.status in ("queued", "starting", "running"):
    job = status.sync(job.id, client=client, wait=30, after=job.version)
assert isinstance(job, SucceededJob), job
link = result.sync(job.id, client=client)
with urllib.request.urlopen(link.url) as answer:
    assert len(answer.read()) == job.video.bytes_
print("a video of", job.video.bytes_, "bytes")
