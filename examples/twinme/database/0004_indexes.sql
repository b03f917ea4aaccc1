-- bulkhead: no transaction
-- Built beside the application's writes. A build that is broken off is cleared away before the next attempt.

CREATE INDEX CONCURRENTLY IF NOT EXISTS conversations_user_created ON conversations (user_id, created_at DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name_trigrams ON users USING gin (name gin_trgm_ops);
CREATE INDEX CONCURRENTLY IF NOT EXISTS embeddings_nearest
    ON embeddings USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);

-- A partitioned table takes no index concurrently: its partitions do, one by one, and the whole takes theirs.
CREATE INDEX IF NOT EXISTS messages_conversation_created ON ONLY messages (conversation_id, created_at);

SELECT format('CREATE INDEX CONCURRENTLY IF NOT EXISTS %I ON %s (conversation_id, created_at)',
              relname || '_conversation_created', oid::regclass)
FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid WHERE inhparent = 'messages'::regclass ORDER BY relname
\gexec

SELECT format('ALTER INDEX messages_conversation_created ATTACH PARTITION %I', relname || '_conversation_created')
FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid WHERE inhparent = 'messages'::regclass ORDER BY relname
\gexec
