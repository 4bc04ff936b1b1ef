-- A database of release 0.1.0 with key 00 01 … 1f, as `sqlite3 .dump` has it. Apache-2.0, made for this project.
BEGIN TRANSACTION;
CREATE TABLE agentrow (
	login VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	queues JSON NOT NULL, 
	station VARCHAR NOT NULL, 
	language VARCHAR NOT NULL, 
	PRIMARY KEY (login)
);
INSERT INTO "agentrow" VALUES('li','李','["sales"]','browser','zh-CN');
INSERT INTO "agentrow" VALUES('wu','','["sales"]','extension:1001','en');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	call VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	type VARCHAR NOT NULL, 
	at FLOAT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"trunk:carrier","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(2,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"extension:1001","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(3,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"queue:sales","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(4,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"queue:support","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(5,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:wang","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(6,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:li","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(7,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:wu","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(8,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"agent:li","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(9,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"agent:wu","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(10,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"flow:main","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(11,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"number:4008001000","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(12,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"route:0*","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(13,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"token:crm","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(14,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:root","action":"create","detail":{}}');
INSERT INTO "audit" VALUES(15,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:wang","action":"update","detail":{"fields":"disabled"}}');
CREATE TABLE cdr (
	id VARCHAR NOT NULL, 
	direction VARCHAR NOT NULL, 
	caller VARCHAR NOT NULL, 
	caller_name VARCHAR NOT NULL, 
	called VARCHAR NOT NULL, 
	trunk VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	queue VARCHAR NOT NULL, 
	agent VARCHAR NOT NULL, 
	result VARCHAR NOT NULL, 
	cause VARCHAR NOT NULL, 
	q850 INTEGER NOT NULL, 
	sip_status INTEGER NOT NULL, 
	who VARCHAR NOT NULL, 
	created_at FLOAT NOT NULL, 
	answered_at FLOAT, 
	connected_at FLOAT, 
	ended_at FLOAT NOT NULL, 
	wait_ms INTEGER NOT NULL, 
	ring_ms INTEGER NOT NULL, 
	talk_ms INTEGER NOT NULL, 
	hold_ms INTEGER NOT NULL, 
	duration_ms INTEGER NOT NULL, 
	sip_call_id VARCHAR NOT NULL, 
	context TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE extensionrow (
	number VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	realm VARCHAR NOT NULL, 
	ha1 VARCHAR NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "extensionrow" VALUES('1001','Front desk','softswitch','fAdXXwNPddxmVQi7EIif3z5b7CZsBAdzchY7Kvohh9XLY4bPPaMIOkEIiht/IP0F4NBM36sirC+M6R37JOK3rRIHUAW/9jb4HIHArTkju+Zl8VIy1PamIOuJadkWZXDu7sGAt+2nAsYyxf7L82KJMhcyKPGif9oxt3Ji/nu1HthexE6ezBDcnGWwifZ3W3W+sNVUjXy6');
CREATE TABLE facts (
	name VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "facts" VALUES('schema.store','1');
INSERT INTO "facts" VALUES('schema.directory','1');
INSERT INTO "facts" VALUES('directory.version','3');
CREATE TABLE flowrow (
	name VARCHAR NOT NULL, 
	languages JSON NOT NULL, 
	start VARCHAR NOT NULL, 
	nodes JSON NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "flowrow" VALUES('main','["zh-CN", "en"]','bye','{"bye": {"verb": "hangup"}}',1);
CREATE TABLE journal (
	id INTEGER NOT NULL, 
	call VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	type VARCHAR NOT NULL, 
	at FLOAT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "journal" VALUES(1,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"trunk:carrier","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(2,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"extension:1001","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(3,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"queue:sales","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(4,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"queue:support","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(5,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:wang","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(6,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:li","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(7,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:wu","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(8,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"agent:li","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(9,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"agent:wu","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(10,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"flow:main","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(11,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"number:4008001000","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(12,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"route:0*","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(13,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"token:crm","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(14,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:root","action":"create","detail":{}}');
INSERT INTO "journal" VALUES(15,'',0,'admin.changed',1700000000.0,'{"actor":"cli","object":"user:wang","action":"update","detail":{"fields":"disabled"}}');
CREATE TABLE linkrow (
	digest VARCHAR NOT NULL, 
	login VARCHAR NOT NULL, 
	expires_at FLOAT NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE TABLE live_calls (
	call VARCHAR NOT NULL, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (call)
);
CREATE TABLE numberrow (
	number VARCHAR NOT NULL, 
	"to" VARCHAR NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "numberrow" VALUES('4008001000','flow:main');
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	call VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	type VARCHAR NOT NULL, 
	at FLOAT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE queuerow (
	name VARCHAR NOT NULL, 
	strategy VARCHAR NOT NULL, 
	music VARCHAR NOT NULL, 
	wrap_up INTEGER NOT NULL, 
	ring_timeout INTEGER NOT NULL, 
	announce VARCHAR NOT NULL, 
	announce_every INTEGER NOT NULL, 
	record BOOLEAN NOT NULL, 
	max_wait INTEGER NOT NULL, 
	overflow VARCHAR NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "queuerow" VALUES('sales','longest_idle','default',12,20,'position',30,1,0,'extension:1001');
INSERT INTO "queuerow" VALUES('support','longest_idle','default',30,20,'position',30,1,0,'');
CREATE TABLE recordings (
	id VARCHAR NOT NULL, 
	call VARCHAR NOT NULL, 
	file VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	started_at FLOAT NOT NULL, 
	duration_ms INTEGER NOT NULL, 
	bytes BIGINT NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	restricted BOOLEAN NOT NULL, 
	expires_at FLOAT, 
	PRIMARY KEY (id)
);
CREATE TABLE routerow (
	pattern VARCHAR NOT NULL, 
	trunks JSON NOT NULL, 
	PRIMARY KEY (pattern)
);
INSERT INTO "routerow" VALUES('0*','["carrier"]');
CREATE TABLE sessionrow (
	digest VARCHAR NOT NULL, 
	login VARCHAR NOT NULL, 
	created_at FLOAT NOT NULL, 
	expires_at FLOAT NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "sessionrow" VALUES('d74e039132f64f132a328ea62b21c3392dae4afea1fb193660e679712ad5a2b4','li',1700000000.0,1700043200.0);
CREATE TABLE tokenrow (
	name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	declared BOOLEAN NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "tokenrow" VALUES('crm','api','506183bd32ee528b3f90fef8d722107f58b0273b48cfade72e13415b94016475',1);
CREATE TABLE trunkrow (
	name VARCHAR NOT NULL, 
	profile VARCHAR NOT NULL, 
	addresses JSON NOT NULL, 
	username VARCHAR NOT NULL, 
	password VARCHAR NOT NULL, 
	registers BOOLEAN NOT NULL, 
	overrides JSON NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "trunkrow" VALUES('carrier','generic','["192.0.2.1", "192.0.2.2:5080"]','acc','n5HlVWhEQdS8/6DNYFcLASET1Qe/3lhyBfverKQ7VCl/ah2GNSVF6A==',1,'{"limits": {"channels": 30}}');
CREATE TABLE userrow (
	login VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	declared BOOLEAN NOT NULL, 
	password VARCHAR NOT NULL, 
	PRIMARY KEY (login)
);
INSERT INTO "userrow" VALUES('wang','','supervisor',1,1,'');
INSERT INTO "userrow" VALUES('li','李','agent',0,1,'');
INSERT INTO "userrow" VALUES('wu','','agent',0,1,'');
INSERT INTO "userrow" VALUES('root','Root','administrator',0,0,'$argon2id$v=19$m=8,t=1,p=1$AsWThSHJSJjCSFEpMFYXkA$40LBPiC3XHhr+C+WIzimVE7PK3mpe7Ba50fxV6QXbRs');
CREATE INDEX journal_of_call ON journal (call, seq);
CREATE INDEX audit_newest ON audit (at);
CREATE INDEX ix_cdr_called ON cdr (called);
CREATE INDEX cdr_of_queue ON cdr (queue, created_at);
CREATE INDEX cdr_of_agent ON cdr (agent, created_at);
CREATE INDEX ix_cdr_caller ON cdr (caller);
CREATE INDEX cdr_newest ON cdr (created_at, id);
CREATE INDEX ix_recordings_call ON recordings (call);
CREATE INDEX ix_recordings_expires_at ON recordings (expires_at);
CREATE INDEX ix_tokenrow_digest ON tokenrow (digest);
CREATE INDEX ix_linkrow_login ON linkrow (login);
CREATE INDEX ix_sessionrow_login ON sessionrow (login);
COMMIT;
