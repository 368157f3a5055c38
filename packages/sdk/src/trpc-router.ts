import type {
  CreateChildKeyInput,
  CreateKeyInput,
  Key,
  KeyIdInput,
  KeyPage,
  ListKeysInput,
  NewKey,
  RotateKeyInput,
  UpdateKeyInput,
} from "@avatar/contract/key-types";
import type {
  CreateJobInput,
  CreateUploadInput,
  ErrorCatalogue,
  GetJobInput,
  Job,
  JobEstimate,
  JobIdInput,
  JobPage,
  JobResult,
  Limits,
  ListJobsInput,
  Problem,
  Upload,
  WatchJobInput,
} from "@avatar/contract/types";
import type { GetUsageInput, Usage } from "@avatar/contract/usage-types";
import type {
  TRPCBuiltRouter,
  TRPCMutationProcedure,
  TRPCQueryProcedure,
  TRPCSubscriptionProcedure,
} from "@trpc/server";

interface Types<Input, Output> {
  input: Input;
  output: Output;
  meta: object;
}
type Query<Input, Output> = TRPCQueryProcedure<Types<Input, Output>>;
type Mutation<Input, Output> = TRPCMutationProcedure<Types<Input, Output>>;
/** Each event has an id to go on after it. */
type Subscription<Input, Output> = TRPCSubscriptionProcedure<
  Types<Input, AsyncIterable<{ id: string; data: Output }, void>>
>;
/**
 * What is in `data` of an error of the tRPC client: the problem that the REST door would answer.
 *
 * @example
 * const hintOf = (error: TRPCClientError<AvatarRouter>): string | undefined => error.data?.hint;
 */
export interface AvatarRouterError extends Problem {
  httpStatus: number;
}
type NoInput = Record<string, never>;

/**
 * The API's tRPC router, for clients of your own. A type test keeps it equal to the router that answers.
 *
 * @example
 * const api = createTRPCClient<AvatarRouter>({ links: [httpBatchLink({ url: "https://avatar.example.com/trpc", headers })] });
 */
export type AvatarRouter = TRPCBuiltRouter<
  {
    ctx: object;
    meta: object;
    errorShape: { message: string; code: -32603 | -32600; data: AvatarRouterError };
    transformer: false;
  },
  {
    jobs: {
      create: Mutation<CreateJobInput, Job>;
      estimate: Mutation<CreateJobInput, JobEstimate>;
      get: Query<GetJobInput, Job>;
      watch: Subscription<WatchJobInput, Job>;
      result: Query<JobIdInput, JobResult>;
      list: Query<ListJobsInput, JobPage>;
      cancel: Mutation<JobIdInput, Job>;
      delete: Mutation<JobIdInput, Job>;
    };
    uploads: { create: Mutation<CreateUploadInput, Upload> };
    limits: { get: Query<NoInput, Limits> };
    usage: { get: Query<GetUsageInput, Usage> };
    keys: {
      create: Mutation<CreateKeyInput, NewKey>;
      list: Query<ListKeysInput, KeyPage>;
      update: Mutation<UpdateKeyInput, Key>;
      rotate: Mutation<RotateKeyInput, NewKey>;
      revoke: Mutation<KeyIdInput, Key>;
      createChild: Mutation<CreateChildKeyInput, NewKey>;
      current: Query<NoInput, Key>;
    };
    errors: { list: Query<NoInput, ErrorCatalogue> };
  }
>;
