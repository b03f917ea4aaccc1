-- A session sees the rows of the user that it names: SET LOCAL app.user_id = '…'. Without a name it sees none.
-- FORCE: the policies hold for the owner as well, so that no migration changes a person's rows by mistake.

CREATE FUNCTION app_user() RETURNS uuid
    LANGUAGE sql
    STABLE
AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;

ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversations FORCE ROW LEVEL SECURITY;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;

CREATE POLICY own_conversations ON conversations
    USING (user_id = app_user()) WITH CHECK (user_id = app_user());
CREATE POLICY own_messages ON messages
    USING (user_id = app_user()) WITH CHECK (user_id = app_user());
