-- A job to try the worker with; production never gets it.

INSERT INTO jobs (kind, payload) VALUES ('greet', '{"tenant": "00000000-0000-4000-8000-000000000001"}');
