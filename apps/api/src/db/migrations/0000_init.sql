CREATE TABLE "api_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_keys_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"key_id" text NOT NULL,
	"status" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	"deadline_at" timestamp (3) with time zone,
	"image_upload_id" text NOT NULL,
	"audio_upload_id" text NOT NULL,
	"audio_seconds" double precision NOT NULL,
	"aspect" text NOT NULL,
	"fit" text NOT NULL,
	"prompt" text,
	"seed" bigint NOT NULL,
	"metadata" jsonb NOT NULL,
	"ttl_seconds" integer NOT NULL,
	"idempotency_key" text,
	"fingerprint" text NOT NULL,
	"run_after" timestamp (3) with time zone NOT NULL,
	"run_id" text,
	"started_at" timestamp (3) with time zone,
	"cold" boolean DEFAULT false NOT NULL,
	"progress" real DEFAULT 0 NOT NULL,
	"error" jsonb,
	"video_key" text,
	"video_bytes" bigint,
	"video_sha256" text,
	"video_width" integer,
	"video_height" integer,
	"video_seconds" double precision,
	"video_expires_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "runs" (
	"id" text PRIMARY KEY NOT NULL,
	"job_id" text NOT NULL,
	"engine" text NOT NULL,
	"lease_owner" text NOT NULL,
	"lease_until" timestamp (3) with time zone NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"outcome" text,
	"reason" text,
	"sweep_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "uploads" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"content_type" text NOT NULL,
	"bytes" bigint,
	"sha256" text,
	"parts_token" text,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE INDEX "jobs_owner_created" ON "jobs" USING btree ("owner","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_idempotency" ON "jobs" USING btree ("owner","idempotency_key");--> statement-breakpoint
CREATE INDEX "jobs_queue" ON "jobs" USING btree ("owner","created_at","id") WHERE "jobs"."status" = 'queued';--> statement-breakpoint
CREATE INDEX "jobs_owner_started" ON "jobs" USING btree ("owner","started_at") WHERE "jobs"."started_at" is not null;--> statement-breakpoint
CREATE INDEX "jobs_deadline" ON "jobs" USING btree ("deadline_at") WHERE "jobs"."deadline_at" is not null;--> statement-breakpoint
CREATE INDEX "jobs_video_expiry" ON "jobs" USING btree ("video_expires_at") WHERE "jobs"."video_key" is not null;--> statement-breakpoint
CREATE INDEX "jobs_finished" ON "jobs" USING btree ("finished_at");--> statement-breakpoint
CREATE INDEX "jobs_image_upload" ON "jobs" USING btree ("image_upload_id");--> statement-breakpoint
CREATE INDEX "jobs_audio_upload" ON "jobs" USING btree ("audio_upload_id");--> statement-breakpoint
CREATE INDEX "runs_job" ON "runs" USING btree ("job_id");--> statement-breakpoint
CREATE INDEX "runs_open" ON "runs" USING btree ("lease_until") WHERE "runs"."outcome" is null;--> statement-breakpoint
CREATE INDEX "runs_sweep" ON "runs" USING btree ("sweep_at") WHERE "runs"."sweep_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "runs_one_success" ON "runs" USING btree ("job_id") WHERE "runs"."outcome" = 'succeeded';--> statement-breakpoint
CREATE INDEX "uploads_expiry" ON "uploads" USING btree ("expires_at") WHERE "uploads"."deleted_at" is null or "uploads"."deleted_at" < "uploads"."expires_at";--> statement-breakpoint
CREATE INDEX "uploads_deleted" ON "uploads" USING btree ("deleted_at");