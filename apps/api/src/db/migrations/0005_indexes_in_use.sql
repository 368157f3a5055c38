DROP INDEX "api_keys_created";--> statement-breakpoint
DROP INDEX "jobs_owner_created";--> statement-breakpoint
CREATE INDEX "jobs_succeeded" ON "jobs" USING btree ("mode","finished_at") WHERE "jobs"."video_bytes" is not null;--> statement-breakpoint
CREATE INDEX "jobs_child_key" ON "jobs" USING btree ("child_key_id","created_at","id") WHERE "jobs"."child_key_id" is not null;--> statement-breakpoint
CREATE INDEX "api_keys_created" ON "api_keys" USING btree ("created_at","id") WHERE "api_keys"."parent_id" is null;--> statement-breakpoint
CREATE INDEX "jobs_owner_created" ON "jobs" USING btree ("owner","created_at","id");