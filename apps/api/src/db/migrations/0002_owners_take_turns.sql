DROP INDEX "jobs_queue";--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "started_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "jobs_owner_started" ON "jobs" USING btree ("owner","started_at") WHERE "jobs"."started_at" is not null;--> statement-breakpoint
CREATE INDEX "jobs_queue" ON "jobs" USING btree ("owner","created_at","id") WHERE "jobs"."status" = 'queued';