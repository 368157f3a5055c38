export interface RunRef {
  runId: string;
  jobId: string;
}

/** Where a run puts its video. */
export const videoKey = (run: RunRef) => `videos/${run.jobId}/${run.runId}.mp4`;

/** Where a worker says that it has taken a run; the first one wins. */
export const claimKey = (run: RunRef) => `claims/${run.jobId}/${run.runId}`;
