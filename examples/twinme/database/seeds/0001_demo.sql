-- A person to try things with. Rows under row-level security are written as the person whose rows they are.

INSERT INTO users (id, email, name)
VALUES ('00000000-0000-4000-8000-000000000001', 'demo@example.org', 'Demo');

SET LOCAL app.user_id = '00000000-0000-4000-8000-000000000001';
INSERT INTO conversations (id, user_id, title)
VALUES ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'First steps');
INSERT INTO messages (conversation_id, user_id, role, content, created_at)
VALUES ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 'user', 'Hello!',
        '2026-01-02 03:04:05Z');
