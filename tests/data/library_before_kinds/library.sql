PRAGMA user_version = 2;
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL,
    model TEXT NOT NULL,
    request TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 1),
    status TEXT NOT NULL
        CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
    priority INTEGER NOT NULL DEFAULT 0,
    position REAL NOT NULL,
    overtaken INTEGER NOT NULL DEFAULT 0,
    batch TEXT NOT NULL DEFAULT '',
    labels TEXT NOT NULL DEFAULT '{}',
    output TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL,
    started TEXT,
    finished TEXT,
    problem TEXT,
    retried_from TEXT REFERENCES jobs (id) ON DELETE SET NULL,
    owner TEXT NOT NULL DEFAULT ''
);
CREATE TABLE assets (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    row INTEGER NOT NULL,
    task TEXT NOT NULL,
    model TEXT NOT NULL,
    seed INTEGER NOT NULL,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL DEFAULT '',
    width INTEGER,
    height INTEGER,
    created TEXT NOT NULL,
    prompt TEXT NOT NULL,
    starred INTEGER NOT NULL DEFAULT 0,
    trashed_at REAL
);
CREATE TABLE contents (
    number INTEGER PRIMARY KEY REFERENCES assets (number) ON DELETE CASCADE,
    recipe TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE TABLE job_rows (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    row INTEGER NOT NULL,
    asset TEXT REFERENCES assets (id) ON DELETE SET NULL ON UPDATE CASCADE,
    problem TEXT,
    seconds REAL,
    PRIMARY KEY (job, row)
) WITHOUT ROWID;
CREATE TABLE parents (
    asset TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    parent TEXT NOT NULL,
    PRIMARY KEY (asset, parent)
) WITHOUT ROWID;
CREATE TABLE tags (
    asset TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    tag TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (asset, tag)
) WITHOUT ROWID;
CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (
    prompt, text, tags, name, labels, facts,
    tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
);
CREATE TABLE collected (
    asset TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    collection TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (asset, collection)
) WITHOUT ROWID;
CREATE TABLE labels (
    asset TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE ON UPDATE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (asset, name)
) WITHOUT ROWID;
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (1, '06h2mwqcmsk2nm57', 'text', '', '{"task":"text","prompt":"Write a line about the sea","system_prompt":"You are a poet.","messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Hello to you"}],"model":"","seed":11,"count":2,"max_tokens":40,"temperature":0.5,"top_p":0.95,"top_k":50,"repetition_penalty":1.1}', 2, 'done', 0, 1.0, 0, '', '{}', '', '2026-11-30T03:15:04.486+00:00', '2026-11-30T03:15:04.488+00:00', '2026-11-30T03:15:04.840+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (2, '06h2mwqe21zj1dwz', 'text', '', '{"task":"text","prompt":"写一句关于狐狸的话","system_prompt":"","messages":[],"model":"","seed":3,"count":1,"max_tokens":512,"temperature":0.7,"top_p":0.95,"top_k":50,"repetition_penalty":1.1}', 1, 'done', 0, 2.0, 0, '', '{}', '', '2026-11-30T03:15:04.848+00:00', '2026-11-30T03:15:04.852+00:00', '2026-11-30T03:15:04.864+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (3, '06h2mwqe4s6dswrz', 'image', '', '{"task":"image","prompt":"a red fox in the snow","negative_prompt":"blurry","model":"","seed":5,"count":2,"width":64,"height":64,"steps":12,"guidance_scale":6.5,"scheduler":"EulerDiscreteScheduler","image":null,"strength":0.6,"mask":null,"transparent":false}', 2, 'done', 0, 3.0, 0, '', '{}', '', '2026-11-30T03:15:04.870+00:00', '2026-11-30T03:15:04.872+00:00', '2026-11-30T03:15:04.934+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (4, '06h2mwqed11jsabv', 'image', '', '{"task":"image","prompt":"the fox at night","negative_prompt":"","model":"","seed":8,"count":1,"width":64,"height":64,"steps":null,"guidance_scale":null,"scheduler":"","image":{"path":"/home/someone/library/2026-11-30/031504-a-red-fox-in-the-snow-5.png","sha256":"4309c5005ec50e526427d462ed8aea2e50e1f205515efdafab20fc96cd9c64c0"},"strength":0.4,"mask":null,"transparent":false}', 1, 'done', 0, 4.0, 0, '', '{}', '', '2026-11-30T03:15:04.936+00:00', '2026-11-30T03:15:04.940+00:00', '2026-11-30T03:15:04.955+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (5, '06h2mwqefp1ap1xe', 'upscale', '', '{"task":"upscale","input":{"path":"/home/someone/library/2026-11-30/031504-a-red-fox-in-the-snow-5.png","sha256":"4309c5005ec50e526427d462ed8aea2e50e1f205515efdafab20fc96cd9c64c0"},"scale":4,"model":"","count":1,"seed":0}', 1, 'done', 0, 5.0, 0, '', '{}', '', '2026-11-30T03:15:04.957+00:00', '2026-11-30T03:15:04.958+00:00', '2026-11-30T03:15:04.969+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (6, '06h2mwqehkxrfev1', 'image', '', '{"task":"image","prompt":"a lamp","negative_prompt":"","model":"","seed":7,"count":1,"width":64,"height":64,"steps":4,"guidance_scale":null,"scheduler":"","image":null,"strength":0.6,"mask":null,"transparent":false}', 1, 'done', 0, 6.0, 0, 'batch-0123456789abcdef01234567', '{"prompt":"lamp","line":"2"}', '', '2026-11-30T03:15:04.972+00:00', '2026-11-30T03:15:04.973+00:00', '2026-11-30T03:15:04.981+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (7, '06h2mwqehkrbdexe', 'image', '', '{"task":"image","prompt":"a chair","negative_prompt":"","model":"","seed":7,"count":1,"width":64,"height":64,"steps":4,"guidance_scale":null,"scheduler":"","image":null,"strength":0.6,"mask":null,"transparent":false}', 1, 'done', 0, 7.0, 0, 'batch-0123456789abcdef01234567', '{"prompt":"chair","line":"3"}', '', '2026-11-30T03:15:04.972+00:00', '2026-11-30T03:15:04.985+00:00', '2026-11-30T03:15:04.991+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (8, '06h2mwqehjrjw7b4', 'image', '', '{"task":"image","prompt":"a table","negative_prompt":"","model":"","seed":7,"count":1,"width":64,"height":64,"steps":4,"guidance_scale":null,"scheduler":"","image":null,"strength":0.6,"mask":null,"transparent":false}', 1, 'queued', 0, 1.0, 3, 'batch-0123456789abcdef01234567', '{"prompt":"table","line":"4"}', '', '2026-11-30T03:15:04.972+00:00', NULL, NULL, NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (9, '06h2mwqem2nrgtjp', 'text', '', '{"task":"text","prompt":"Nobody wants this one","system_prompt":"","messages":[],"model":"","seed":1,"count":1,"max_tokens":512,"temperature":0.7,"top_p":0.95,"top_k":50,"repetition_penalty":1.1}', 1, 'done', 0, 9.0, 0, '', '{}', '', '2026-11-30T03:15:04.992+00:00', '2026-11-30T03:15:04.993+00:00', '2026-11-30T03:15:04.996+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (10, '06h2mwqemmafhc7m', 'text', '', '{"task":"text","prompt":"This one [fail]s","system_prompt":"","messages":[],"model":"","seed":2,"count":1,"max_tokens":512,"temperature":0.7,"top_p":0.95,"top_k":50,"repetition_penalty":1.1}', 1, 'failed', 0, 10.0, 0, '', '{}', '', '2026-11-30T03:15:04.997+00:00', '2026-11-30T03:15:04.997+00:00', '2026-11-30T03:15:05.022+00:00', '{"kind":"model_broken","message":{"template":"The model {name} is broken. Add it again.","values":{"name":"A text model"}},"detail":"Traceback (most recent call last):\n  File \"/tmp/old/studio/engine/process.py\", line 230, in _run\n    stats = self._dispatch(command, job)\n            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"/tmp/old/studio/engine/process.py\", line 248, in _dispatch\n    stats: dict[str, float] = run(job, command, memory, device)\n                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"/tmp/old/studio/engine/fake.py\", line 102, in run\n    self._misbehave(job, command, words)\n  File \"/tmp/old/studio/engine/fake.py\", line 132, in _misbehave\n    raise problem(\nstudio.protocol.ProblemError: The model A text model is broken. Add it again.\n"}', NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (11, '06h2mwqetg3cm3s6', 'image', '', '{"task":"image","prompt":"two halves","negative_prompt":"","model":"","seed":20,"count":2,"width":64,"height":64,"steps":null,"guidance_scale":null,"scheduler":"","image":null,"strength":0.6,"mask":null,"transparent":false}', 2, 'interrupted', 0, 2.0, 0, '', '{}', '', '2026-11-30T03:15:05.044+00:00', '2026-11-30T03:15:05.058+00:00', '2026-11-30T03:15:05.076+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (12, '06h2mwqeth9gna89', 'text', '', '{"task":"text","prompt":"not wanted any more","system_prompt":"","messages":[],"model":"","seed":4,"count":1,"max_tokens":512,"temperature":0.7,"top_p":0.95,"top_k":50,"repetition_penalty":1.1}', 1, 'cancelled', 0, 12.0, 0, '', '{}', '', '2026-11-30T03:15:05.044+00:00', NULL, '2026-11-30T03:15:05.045+00:00', NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (13, '06h2mwqevj2vzq47', 'text', '', '{"task":"text","prompt":"waits for its turn","system_prompt":"","messages":[],"model":"","seed":30,"count":2,"max_tokens":512,"temperature":0.7,"top_p":0.95,"top_k":50,"repetition_penalty":1.1}', 2, 'queued', 0, 4.0, 0, '', '{}', '', '2026-11-30T03:15:05.052+00:00', NULL, NULL, NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (14, '06h2mwqevkbfjfyb', 'image', '', '{"task":"image","prompt":"waits too","negative_prompt":"","model":"","seed":31,"count":1,"width":64,"height":64,"steps":null,"guidance_scale":null,"scheduler":"","image":null,"strength":0.6,"mask":null,"transparent":false}', 1, 'queued', 0, 3.0, 0, '', '{}', '', '2026-11-30T03:15:05.052+00:00', NULL, NULL, NULL, NULL, '');
INSERT INTO jobs (number, id, task, model, request, count, status, priority, position, overtaken, batch, labels, output, created, started, finished, problem, retried_from, owner) VALUES (15, '06h2mwqevjks32c2', 'upscale', '', '{"task":"upscale","input":{"path":"/home/someone/library/2026-11-30/031504-a-red-fox-in-the-snow-5.png","sha256":"4309c5005ec50e526427d462ed8aea2e50e1f205515efdafab20fc96cd9c64c0"},"scale":2,"model":"","count":1,"seed":0}', 1, 'queued', 0, 5.0, 0, '', '{}', '', '2026-11-30T03:15:05.052+00:00', NULL, NULL, NULL, NULL, '');
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000000, '06h2mwqcmsk2nm57-0', '06h2mwqcmsk2nm57', 0, 'text', 'text-model', 11, '2026-11-30/031504-write-a-line-about-the-sea-11.md', 982, 'ad5d7812d29ba1e3288800ec1e5e972a66cf754ae6a391fe7ab0eb5332b9570b', NULL, NULL, '2026-11-30T03:15:04+00:00', 'Write a line about the sea', 0, NULL);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000001, '06h2mwqcmsk2nm57-1', '06h2mwqcmsk2nm57', 1, 'text', 'text-model', 12, '2026-11-30/031504-write-a-line-about-the-sea-12.md', 982, '8c5dd7311422ac549ac5958ad7a4e9558b5b438623a76e0d1551bd0d74835644', NULL, NULL, '2026-11-30T03:15:04+00:00', 'Write a line about the sea', 0, NULL);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000002, '06h2mwqe21zj1dwz-0', '06h2mwqe21zj1dwz', 0, 'text', 'text-model', 3, '2026-11-30/031504-写一句关于狐狸的话-3.md', 888, '5cc8ba976bbe66079b62bd2ce115cee7e2a900ddca596e0c0ddb640b714a93f1', NULL, NULL, '2026-11-30T03:15:04+00:00', '写一句关于狐狸的话', 0, NULL);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000003, '06h2mwqe4s6dswrz-0', '06h2mwqe4s6dswrz', 0, 'image', 'image-model', 5, '2026-11-30/031504-a-red-fox-in-the-snow-5.png', 1476, '4309c5005ec50e526427d462ed8aea2e50e1f205515efdafab20fc96cd9c64c0', 64, 64, '2026-11-30T03:15:04+00:00', 'a red fox in the snow', 1, NULL);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000004, '06h2mwqe4s6dswrz-1', '06h2mwqe4s6dswrz', 1, 'image', 'image-model', 6, '2026-11-30/031504-a-red-fox-in-the-snow-6.png', 1476, 'afbd010abd1aa3437c578678e94d3e155f337a221136da9596ec2923045e3bde', 64, 64, '2026-11-30T03:15:04+00:00', 'a red fox in the snow', 0, NULL);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000005, '06h2mwqed11jsabv-0', '06h2mwqed11jsabv', 0, 'image', 'image-model', 8, '2026-11-30/031504-the-fox-at-night-8.png', 1739, '651963270a7d2a68518ddf33c4ee9b2edfcbd0dc3f21242c342553b7ef90ee25', 64, 64, '2026-11-30T03:15:04+00:00', 'the fox at night', 0, NULL);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000006, '06h2mwqefp1ap1xe-0', '06h2mwqefp1ap1xe', 0, 'upscale', 'upscale-model', 0, '2026-11-30/031504-031504-a-red-fox-in-the-snow-5-x4.png', 2135, 'da607ee102ba5e5df1ee7877da45e7ec81adb914570ba13bff94f8b61d567ffe', 256, 256, '2026-11-30T03:15:04+00:00', 'a red fox in the snow', 0, NULL);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000007, '06h2mwqehkxrfev1-0', '06h2mwqehkxrfev1', 0, 'image', 'image-model', 7, '2026-11-30/031504-a-lamp-7.png', 1386, '644eb1f120f55e5338a564c74dda20655e3971b1113230e4cd57564034136d7b', 64, 64, '2026-11-30T03:15:04+00:00', 'a lamp', 0, NULL);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000008, '06h2mwqehkrbdexe-0', '06h2mwqehkrbdexe', 0, 'image', 'image-model', 7, '2026-11-30/031504-a-chair-7.png', 1389, 'fc074d41553e2221fa3e7d993b7cb8c5b2e24db180d30ca4b734dd2769fc7a7c', 64, 64, '2026-11-30T03:15:04+00:00', 'a chair', 0, NULL);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000009, '06h2mwqem2nrgtjp-0', '06h2mwqem2nrgtjp', 0, 'text', 'text-model', 1, '.trash/06h2mwqem2nrgtjp-0.md', 870, '326863eef2362a1adffc3f535305f7815bcc75f9c4b5e0f0ad1ceb0f1f536d79', NULL, NULL, '2026-11-30T03:15:04+00:00', 'Nobody wants this one', 0, 1.79600850502864193918e+09);
INSERT INTO assets (number, id, job, row, task, model, seed, path, size, sha256, width, height, created, prompt, starred, trashed_at) VALUES (1796008504000010, '06h2mwqetg3cm3s6-0', '06h2mwqetg3cm3s6', 0, 'image', 'image-model', 20, '2026-11-30/031504-two-halves-20.png', 1365, 'e3aa19622a1d8b751621b530053c9bf35bad716dfce14dd074c9b5aee32455bb', 64, 64, '2026-11-30T03:15:04+00:00', 'two halves', 0, NULL);
INSERT INTO contents (number, recipe, text) VALUES (1796008504000000, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"text","prompt":"Write a line about the sea","system_prompt":"You are a poet.","messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Hello to you"}],"model":"","seed":11,"count":1,"max_tokens":40,"temperature":0.5,"top_p":0.95,"top_k":50,"repetition_penalty":1.1},"row":0,"seed":11,"job":"06h2mwqcmsk2nm57","created":"2026-11-30T03:15:04+00:00","model_id":"text-model","model_name":"A text model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{"tokens":17.0,"tokens_per_second":100.0},"parents":[],"labels":{}}', 'Answer 11 to **Write a line about the sea**: one two three four five six seven eight.');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000001, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"text","prompt":"Write a line about the sea","system_prompt":"You are a poet.","messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Hello to you"}],"model":"","seed":12,"count":1,"max_tokens":40,"temperature":0.5,"top_p":0.95,"top_k":50,"repetition_penalty":1.1},"row":1,"seed":12,"job":"06h2mwqcmsk2nm57","created":"2026-11-30T03:15:04+00:00","model_id":"text-model","model_name":"A text model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{"tokens":17.0,"tokens_per_second":100.0},"parents":[],"labels":{}}', 'Answer 12 to **Write a line about the sea**: one two three four five six seven eight.');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000002, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"text","prompt":"写一句关于狐狸的话","system_prompt":"","messages":[],"model":"","seed":3,"count":1,"max_tokens":512,"temperature":0.7,"top_p":0.95,"top_k":50,"repetition_penalty":1.1},"row":0,"seed":3,"job":"06h2mwqe21zj1dwz","created":"2026-11-30T03:15:04+00:00","model_id":"text-model","model_name":"A text model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{"tokens":12.0,"tokens_per_second":100.0},"parents":[],"labels":{}}', 'Answer 3 to **写一句关于狐狸的话**: one two three four five six seven eight.');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000003, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"image","prompt":"a red fox in the snow","negative_prompt":"blurry","model":"","seed":5,"count":1,"width":64,"height":64,"steps":12,"guidance_scale":6.5,"scheduler":"EulerDiscreteScheduler","image":null,"strength":0.6,"mask":null,"transparent":false},"row":0,"seed":5,"job":"06h2mwqe4s6dswrz","created":"2026-11-30T03:15:04+00:00","model_id":"image-model","model_name":"A image model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{},"parents":[],"labels":{}}', '');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000004, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"image","prompt":"a red fox in the snow","negative_prompt":"blurry","model":"","seed":6,"count":1,"width":64,"height":64,"steps":12,"guidance_scale":6.5,"scheduler":"EulerDiscreteScheduler","image":null,"strength":0.6,"mask":null,"transparent":false},"row":1,"seed":6,"job":"06h2mwqe4s6dswrz","created":"2026-11-30T03:15:04+00:00","model_id":"image-model","model_name":"A image model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{},"parents":[],"labels":{}}', '');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000005, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"image","prompt":"the fox at night","negative_prompt":"","model":"","seed":8,"count":1,"width":64,"height":64,"steps":5,"guidance_scale":null,"scheduler":"","image":{"path":"/home/someone/library/2026-11-30/031504-a-red-fox-in-the-snow-5.png","sha256":"4309c5005ec50e526427d462ed8aea2e50e1f205515efdafab20fc96cd9c64c0"},"strength":0.4,"mask":null,"transparent":false},"row":0,"seed":8,"job":"06h2mwqed11jsabv","created":"2026-11-30T03:15:04+00:00","model_id":"image-model","model_name":"A image model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{},"parents":[{"path":"/home/someone/library/2026-11-30/031504-a-red-fox-in-the-snow-5.png","sha256":"4309c5005ec50e526427d462ed8aea2e50e1f205515efdafab20fc96cd9c64c0","asset":"06h2mwqe4s6dswrz-0"}],"labels":{}}', '');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000006, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"upscale","input":{"path":"/home/someone/library/2026-11-30/031504-a-red-fox-in-the-snow-5.png","sha256":"4309c5005ec50e526427d462ed8aea2e50e1f205515efdafab20fc96cd9c64c0"},"scale":4,"model":"","count":1,"seed":0},"row":0,"seed":0,"job":"06h2mwqefp1ap1xe","created":"2026-11-30T03:15:04+00:00","model_id":"upscale-model","model_name":"A upscale model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{},"parents":[{"path":"/home/someone/library/2026-11-30/031504-a-red-fox-in-the-snow-5.png","sha256":"4309c5005ec50e526427d462ed8aea2e50e1f205515efdafab20fc96cd9c64c0","asset":"06h2mwqe4s6dswrz-0"}],"labels":{}}', '');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000007, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"image","prompt":"a lamp","negative_prompt":"","model":"","seed":7,"count":1,"width":64,"height":64,"steps":4,"guidance_scale":null,"scheduler":"","image":null,"strength":0.6,"mask":null,"transparent":false},"row":0,"seed":7,"job":"06h2mwqehkxrfev1","created":"2026-11-30T03:15:04+00:00","model_id":"image-model","model_name":"A image model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{},"parents":[],"labels":{"prompt":"lamp","line":"2"}}', '');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000008, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"image","prompt":"a chair","negative_prompt":"","model":"","seed":7,"count":1,"width":64,"height":64,"steps":4,"guidance_scale":null,"scheduler":"","image":null,"strength":0.6,"mask":null,"transparent":false},"row":0,"seed":7,"job":"06h2mwqehkrbdexe","created":"2026-11-30T03:15:04+00:00","model_id":"image-model","model_name":"A image model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{},"parents":[],"labels":{"prompt":"chair","line":"3"}}', '');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000009, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"text","prompt":"Nobody wants this one","system_prompt":"","messages":[],"model":"","seed":1,"count":1,"max_tokens":512,"temperature":0.7,"top_p":0.95,"top_k":50,"repetition_penalty":1.1},"row":0,"seed":1,"job":"06h2mwqem2nrgtjp","created":"2026-11-30T03:15:04+00:00","model_id":"text-model","model_name":"A text model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{"tokens":15.0,"tokens_per_second":100.0},"parents":[],"labels":{}}', 'Answer 1 to **Nobody wants this one**: one two three four five six seven eight.');
INSERT INTO contents (number, recipe, text) VALUES (1796008504000010, '{"version":1,"app":"Prompt Studio 0.1.0","request":{"task":"image","prompt":"two halves","negative_prompt":"","model":"","seed":20,"count":1,"width":64,"height":64,"steps":null,"guidance_scale":null,"scheduler":"","image":null,"strength":0.6,"mask":null,"transparent":false},"row":0,"seed":20,"job":"06h2mwqetg3cm3s6","created":"2026-11-30T03:15:04+00:00","model_id":"image-model","model_name":"A image model","model_sha256":"","device":"fake","dtype":"float32","libraries":{"fake":"1"},"adjustments":[],"timings":{"total":0.01},"stats":{},"parents":[],"labels":{}}', '');
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqcmsk2nm57', 0, '06h2mwqcmsk2nm57-0', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqcmsk2nm57', 1, '06h2mwqcmsk2nm57-1', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqe21zj1dwz', 0, '06h2mwqe21zj1dwz-0', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqe4s6dswrz', 0, '06h2mwqe4s6dswrz-0', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqe4s6dswrz', 1, '06h2mwqe4s6dswrz-1', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqed11jsabv', 0, '06h2mwqed11jsabv-0', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqefp1ap1xe', 0, '06h2mwqefp1ap1xe-0', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqehkrbdexe', 0, '06h2mwqehkrbdexe-0', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqehkxrfev1', 0, '06h2mwqehkxrfev1-0', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqem2nrgtjp', 0, '06h2mwqem2nrgtjp-0', NULL, 0.01);
INSERT INTO job_rows (job, row, asset, problem, seconds) VALUES ('06h2mwqetg3cm3s6', 0, '06h2mwqetg3cm3s6-0', NULL, 0.01);
INSERT INTO parents (asset, parent) VALUES ('06h2mwqed11jsabv-0', '06h2mwqe4s6dswrz-0');
INSERT INTO parents (asset, parent) VALUES ('06h2mwqefp1ap1xe-0', '06h2mwqe4s6dswrz-0');
INSERT INTO tags (asset, tag) VALUES ('06h2mwqe4s6dswrz-0', 'fox');
INSERT INTO tags (asset, tag) VALUES ('06h2mwqcmsk2nm57-0', 'sea');
INSERT INTO tags (asset, tag) VALUES ('06h2mwqe4s6dswrz-0', 'Winter');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000000, 'Write a line about the sea
You are a poet.', 'Answer 11 to **Write a line about the sea**: one two three four five six seven eight.', 'sea', '031504-write-a-line-about-the-sea-11', '', 'tasktext model78d38cf9872c42e1 tag4a69f19c8c264850');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000001, 'Write a line about the sea
You are a poet.', 'Answer 12 to **Write a line about the sea**: one two three four five six seven eight.', '', '031504-write-a-line-about-the-sea-12', '', 'tasktext model78d38cf9872c42e1');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000002, ' 写  一  句  关  于  狐  狸  的  话 ', 'Answer 3 to ** 写  一  句  关  于  狐  狸  的  话 **: one two three four five six seven eight.', 'Best of', '031504- 写  一  句  关  于  狐  狸  的  话 -3', '', 'tasktext model78d38cf9872c42e1 collection81b829d943353202');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000003, 'a red fox in the snow
blurry', '', 'fox Winter Best of', '031504-a-red-fox-in-the-snow-5', '', 'taskimage modeld8b21a97787b6b19 starred tag776cb326ab0cd5f0 tag30c5461fc27b84f1 collection81b829d943353202');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000004, 'a red fox in the snow
blurry', '', '', '031504-a-red-fox-in-the-snow-6', '', 'taskimage modeld8b21a97787b6b19');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000005, 'the fox at night', '', '', '031504-the-fox-at-night-8', '', 'taskimage modeld8b21a97787b6b19');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000006, 'a red fox in the snow
031504-a-red-fox-in-the-snow-5.png', '', 'Best of', '031504-031504-a-red-fox-in-the-snow-5-x4', '', 'taskupscale modeld8d7407d2e723ba6 collection81b829d943353202');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000007, 'a lamp', '', '', '031504-a-lamp-7', 'lamp 2', 'taskimage modeld8b21a97787b6b19 label02746f14a518e700 label32cfd0230b05139c');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000008, 'a chair', '', '', '031504-a-chair-7', 'chair 3', 'taskimage modeld8b21a97787b6b19 label54e6513e53804cae label79d2139cd8b43a3d');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000009, 'Nobody wants this one', 'Answer 1 to **Nobody wants this one**: one two three four five six seven eight.', '', '031504-nobody-wants-this-one-1', '', 'tasktext model78d38cf9872c42e1 trashed');
INSERT INTO words (rowid, prompt, text, tags, name, labels, facts) VALUES (1796008504000010, 'two halves', '', '', '031504-two-halves-20', '', 'taskimage modeld8b21a97787b6b19');
INSERT INTO collected (asset, collection) VALUES ('06h2mwqe21zj1dwz-0', 'Best of');
INSERT INTO collected (asset, collection) VALUES ('06h2mwqe4s6dswrz-0', 'Best of');
INSERT INTO collected (asset, collection) VALUES ('06h2mwqefp1ap1xe-0', 'Best of');
INSERT INTO labels (asset, name, value) VALUES ('06h2mwqehkxrfev1-0', 'line', '2');
INSERT INTO labels (asset, name, value) VALUES ('06h2mwqehkrbdexe-0', 'line', '3');
INSERT INTO labels (asset, name, value) VALUES ('06h2mwqehkrbdexe-0', 'prompt', 'chair');
INSERT INTO labels (asset, name, value) VALUES ('06h2mwqehkxrfev1-0', 'prompt', 'lamp');
CREATE INDEX jobs_by_turn ON jobs (status, priority DESC, position);
CREATE INDEX jobs_by_batch ON jobs (batch) WHERE batch != '';
CREATE INDEX assets_by_task ON assets (task) WHERE trashed_at IS NULL;
CREATE INDEX assets_by_model ON assets (model) WHERE trashed_at IS NULL;
CREATE INDEX assets_by_star ON assets (starred) WHERE starred = 1;
CREATE INDEX assets_in_trash ON assets (trashed_at) WHERE trashed_at IS NOT NULL;
CREATE INDEX assets_by_job ON assets (job, row);
CREATE INDEX assets_by_sha256 ON assets (sha256) WHERE sha256 != '';
CREATE INDEX job_rows_by_asset ON job_rows (asset) WHERE asset IS NOT NULL;
CREATE INDEX parents_by_parent ON parents (parent);
CREATE INDEX tags_by_tag ON tags (tag);
CREATE INDEX collected_by_collection ON collected (collection);
CREATE INDEX labels_by_name ON labels (name, value);
CREATE INDEX assets_kept ON assets (number) WHERE trashed_at IS NULL;
CREATE INDEX jobs_by_retried ON jobs (retried_from) WHERE retried_from IS NOT NULL;
