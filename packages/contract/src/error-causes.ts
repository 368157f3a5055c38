import type { ErrorCode } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/*
 * When exactly each code is answered, for the pages about errors. Not in `ERRORS`: the client's package carries the
 * type of that table, sentences and all.
 */
type Causes = Partial<Record<ErrorCode, string>>;

const request = {
  invalid_input:
    "A field, a query parameter or the `Idempotency-Key` breaks its rule: it is missing, of another type or out of range. `issues` lists each one. Also a GET or DELETE with a body, a part that a form has twice, and bytes that are no HTTP request.",
  unknown_field:
    "The JSON, the query or the form has a field that the operation does not know, and nothing else is wrong with it. Fields are never ignored silently.",
  malformed_json: "The body, or the `input` of a tRPC query, cannot be parsed as JSON.",
  malformed_multipart:
    "The form ends early, has no boundary, has too many parts, or has a field that is too long.",
  missing_part: "The form was read to its end and did not hold both files.",
  batch_not_allowed:
    "A tRPC client sent several mutations in one POST, which has one `Idempotency-Key` for all of them.",
  not_found: "There is no such path and no such tRPC procedure.",
  method_not_allowed:
    "The path is there, but not for this HTTP method; or a tRPC query was called as a mutation, or the other way round.",
  request_timeout:
    "The headers took more than 10 s to come; or the body more than 30 s, and a second more for each 8 KiB of it that came. The connection is closed.",
  headers_too_large:
    "The first line and the headers have more than 16 KiB together. The connection is closed.",
  idempotency_mismatch: `Within the last ${LIMITS.idempotencySeconds / 3600} hours the same \`Idempotency-Key\` came with other files or other settings.`,
  body_too_large: `A JSON body has more than ${LIMITS.jsonBodyBytes / 1024} KiB, a form more bytes than its two files may have together, or a PUT more bytes than were declared.`,
  unsupported_content_type:
    "The `Content-Type` of the body is not `application/json`; `POST /v1/jobs` takes `multipart/form-data` as well.",
} satisfies Causes;

const keys = {
  unauthorized:
    "There is no key, or one that is malformed, unknown, revoked or expired. The answer is the same for all of these.",
  insufficient_scope:
    "The key is good, but lacks the scope that the operation needs. A child key cannot make keys, whatever its scopes.",
  test_key_required:
    "The request has the field `test`, which scripts how a job ends, and was sent with a live key.",
  key_not_found:
    "There is no key with this id. To a change or a rotation it is also answered where the key has ended or is a child key.",
  rate_limited:
    "The key has used up the requests that it may send within a minute. The minute begins with the first of them.",
  too_many_jobs:
    "The key has as many unfinished jobs as its limit `jobsInFlight` allows: queued, starting and running ones together.",
  queue_full: "The key has as many jobs with the status `queued` as its limit `jobsQueued` allows.",
  gpu_quota_exceeded:
    "The GPU seconds that the job is estimated to take, with those that the key has used since midnight in UTC, are more than its limit `gpuSecondsPerDay`. Failures of ours are not counted.",
  budget_exhausted:
    "What the job is estimated to cost could take the key, or the whole deployment, over its budget for the day or the month. Such a job is refused before it is queued; one that waited already fails.",
} satisfies Causes;

const jobsAndUploads = {
  job_not_found:
    "The owner of the key has no job with this id: there never was one, it is another owner's, or it ended so long ago that it was removed. The answer is the same for all of these.",
  job_not_finished: "The result was asked for while the job was queued, starting or running.",
  job_canceled: "The result was asked for of a job that was canceled, or deleted before its end.",
  video_expired: "The job has succeeded, but its video is past its `expiresAt`, or was deleted with the job.",
  upload_not_found:
    "The owner of the key has no upload with this id, or the file behind a link to an upload is gone. An upload of another owner is answered for in the same way.",
  upload_incomplete:
    "A job names an upload to which nothing was PUT yet, or, of an upload in parts, not every part.",
  upload_expired: "A job names an upload that is past its `expiresAt`, or whose file was deleted.",
  upload_exists: "A second PUT came to the link of an upload. An upload is written once.",
  upload_mismatch:
    "What was PUT differs from the upload in its size, its SHA-256 or one of its `headers`, or broke off. Of an upload in parts, the SHA-256 is compared when a job names it.",
  link_invalid:
    "The signature of the link does not fit its address and the method, or the link has expired. Links that lead into a bucket are refused by the bucket, in its own words.",
} satisfies Causes;

const files = {
  empty_file: "An upload of 0 bytes was declared, or a file in a form or behind a URL has no bytes.",
  image_too_large:
    "The image has more bytes than `image.maxBytes` of `GET /v1/limits`: as declared for an upload, in a form, or behind a URL.",
  audio_too_large:
    "The recording has more bytes than `audio.maxBytes` of `GET /v1/limits`: as declared for an upload, in a form, or behind a URL.",
  media_type_mismatch:
    "The first bytes of the file are those of another format than it was declared as, or of audio in the place of the image, or of an image in the place of the audio.",
  unsupported_image: "The first bytes of the image are not those of a JPEG, PNG or WebP file.",
  unsupported_audio:
    "The first bytes of the recording are not those of a WAV, MP3, M4A, AAC, OGG or FLAC file, or the file holds another kind of sound than these do, or none.",
  image_undecodable:
    "The header of the image is damaged, or the file is a web page, a PDF or an archive at the same time; or its pixels could not be decoded when the job was rendered.",
  image_truncated: "The file ends before the image in it does.",
  audio_undecodable:
    "The recording is damaged in such a way that its length cannot be measured; or its sound could not be decoded when the job was rendered.",
  audio_truncated:
    "The file ends before the recording in it does, or holds less sound than its header announces.",
  image_too_small: "A side of the image has fewer pixels than `image.minSidePixels` of `GET /v1/limits`.",
  image_too_many_pixels:
    "The image has more pixels, width times height, than `image.maxPixels` of `GET /v1/limits`.",
  audio_too_short: "The recording is shorter than `audio.minSeconds` of `GET /v1/limits`.",
  audio_too_long: "The recording is longer than `audio.maxSeconds` of `GET /v1/limits`.",
  no_face: "The preview engine found no face in the image when it rendered the job.",
  several_faces:
    "The preview engine found several faces in the image when it rendered the job, and none that is clearly the largest.",
  face_too_small:
    "The preview engine found a face with too few pixels to animate when it rendered the job; `detail` says how many.",
  url_not_allowed:
    "The URL, or one that it redirects to, is not https on port 443, holds a user name or a password, or names a host with an address that is not public.",
  url_too_many_redirects: "The URL redirects more often than is followed; `detail` says how often that is.",
  url_unreachable:
    "The host has no address, refuses the connection or shows no valid certificate; or it answers with another status than 200, compresses the file, or breaks off.",
  url_too_slow:
    "The server behind the URL did not answer in time, sent nothing for too long, or took too long for the whole file; `detail` says which.",
} satisfies Causes;

const ours = {
  internal:
    "Something happened that nobody expected. What it was stands in the log of the server beside the `requestId`, and never in the answer.",
  unavailable: "The database of the server cannot be reached, is starting, or is shutting down.",
  overloaded:
    "The process has more requests at hand than it can answer in time, or half as many are of the owner of this key. This one was not begun.",
  storage_unavailable:
    "The disk or the bucket that keeps the files fails. A request is refused at once; a job fails when this lasts through many runs.",
  render_failed: "The engine failed, or delivered no video that plays, in each of several runs of the job.",
  run_lost:
    "What rendered the job, a process or a worker, went away in run after run. Runs that are lost are repeated until they are too many.",
  queue_timeout: "The job was `queued` for longer than the server lets a job wait.",
  start_timeout:
    "The job was `starting` for too long: a worker was to wake and to load its models, and did not begin to render.",
  run_timeout: "The job was `running` for longer than a recording of its length may take.",
  no_capacity:
    "No worker took the job in time: the GPU service has no GPU of the configured types free, or runs no workers for this server.",
  engine_unavailable: "The GPU service does not answer, or answers with errors, in run after run of the job.",
  engine_unauthorized: "The GPU service does not accept the key that this server has for it.",
  engine_misconfigured:
    "The GPU service does not know the endpoint of this server or refuses what it sends, or the workers there crash as they start.",
  engine_quota_exceeded:
    "The account of this server at the GPU service has no balance left, or has reached its limit.",
} satisfies Causes;

/** When each code is answered. */
export const ERROR_CAUSES: Record<ErrorCode, string> = {
  ...request,
  ...keys,
  ...jobsAndUploads,
  ...files,
  ...ours,
};

const group = (title: string, causes: Causes) => ({ title, codes: Object.keys(causes) as ErrorCode[] });

/** Every code once, in the order in which people read about them. */
export const ERROR_GROUPS = [
  group("The request", request),
  group("Keys, limits and money", keys),
  group("Jobs, uploads and links", jobsAndUploads),
  group("The files", files),
  group("Our side", ours),
];
