/** An answer that S3 gives as an `<Error>` document. */
export class S3Error extends Error {
  override readonly name = "S3Error";
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;
  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export const accessDenied = (message = "Access Denied") => new S3Error(403, "AccessDenied", message);

export const invalidArgument = (message: string) => new S3Error(400, "InvalidArgument", message);

export const malformedXml = () =>
  new S3Error(400, "MalformedXML", "The XML you provided was not well-formed or did not validate.");

export const noSuchKey = () => new S3Error(404, "NoSuchKey", "The specified key does not exist.");

export const notImplemented = (message: string) => new S3Error(501, "NotImplemented", message);

export const preconditionFailed = () =>
  new S3Error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.");
