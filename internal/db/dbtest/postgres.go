package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kanmon/internal/db"
	"kanmon/migrations"
)

// postgres is the one server of this test binary.
type postgres struct {
	dir    string // data, socket and log
	life   *os.File
	mu     sync.Mutex
	admin  *pgx.Conn
	number int // of the databases made
	centre error
	once   sync.Once
}

// Templates of the databases a test gets.
const (
	emptyTemplate  = "template1"
	centreTemplate = "centre"
)

// The servers: one for tests, that keeps its files in memory where it can, and one for benchmarks, that waits
// for the disk as a real one does.
var (
	testServer    = sync.OnceValues(func() (*postgres, error) { return newPostgres(memoryFolder(), "off") })
	durableServer = sync.OnceValues(func() (*postgres, error) { return newPostgres(os.TempDir(), "on") })
)

// supervisor makes a data folder and runs the server on a socket in it. It ends the server and removes the
// folder when its standard input ends, that is, when the test binary ends, however it ends.
const supervisor = `
umask 077
"$1/initdb" -D "$2/data" -A trust -U kanmon -E UTF8 --locale=C --no-sync >"$2/log" 2>&1 || exit 1
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync="$3" -c full_page_writes="$3" -c autovacuum=off \
  -c max_connections=200 -c shared_buffers=64MB -c max_wal_size=4GB >>"$2/log" 2>&1 &
server=$!
cat >/dev/null
kill -QUIT $server
wait $server
rm -rf "$2"
`

// newPostgres starts a server with its files in a new folder of parent.
func newPostgres(parent, fsync string) (*postgres, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	owner, err := serverUser()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "kanmon-pg-")
	if err != nil {
		return nil, err
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	p := &postgres{dir: dir}
	if err := p.launch(bin, fsync, owner); err != nil {
		return nil, err
	}
	return p, p.connect()
}

// findPostgres returns the folder of the newest server programs.
func findPostgres() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed, and these tests run on it too: apt-get install postgresql (or `make setup-test`)")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// serverUser returns whom to run the server as: nil means as ourselves. PostgreSQL refuses to run as root.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // "as ourselves"
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("as root the test server runs as the user postgres, who is missing: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// launch starts the supervisor with our end of its standard input kept open for the life of the process.
func (p *postgres) launch(bin, fsync string, owner *syscall.Credential) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close() // the supervisor has its own
	p.life = write
	// No context: the server lives as long as the test binary.
	cmd := exec.Command("/bin/sh", "-c", supervisor, "supervisor", bin, p.dir, fsync) //nolint:gosec,noctx // our own script
	cmd.Dir = p.dir
	cmd.Stdin = read
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: owner}
	return cmd.Start()
}

// connect waits until the server answers.
func (p *postgres) connect() error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, p.dsn("postgres"))
		if err == nil {
			p.admin = conn
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(p.dir, "log")) // what there is of it
			return fmt.Errorf("the test PostgreSQL did not start: %w\n%s", err, log)
		case <-tick.C:
		}
	}
}

func (p *postgres) dsn(database string) string {
	return fmt.Sprintf("host=%s user=kanmon dbname=%s sslmode=disable", p.dir, database)
}

func (p *postgres) exec(statement string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.admin.Exec(context.Background(), statement)
	return err
}

// fresh makes a database, a copy of template, and returns its name.
func (p *postgres) fresh(template string) (string, error) {
	p.mu.Lock()
	p.number++
	name := fmt.Sprintf("test_%d", p.number)
	p.mu.Unlock()
	return name, p.exec("CREATE DATABASE " + name + " TEMPLATE " + template)
}

// migrated makes, once, the database "centre" with the centre's schema, to be copied.
func (p *postgres) migrated() error {
	p.once.Do(func() { p.centre = p.migrate() })
	return p.centre
}

func (p *postgres) migrate() error {
	if err := p.exec("CREATE DATABASE centre"); err != nil {
		return err
	}
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{Driver: db.Postgres, DSN: p.dsn("centre")})
	if err != nil {
		return err
	}
	return errors.Join(d.Migrate(ctx, migrations.Postgres()), d.Close())
}

// postgresConfig makes a database for one test on a server.
func postgresConfig(tb testing.TB, server func() (*postgres, error), template string) db.Config {
	tb.Helper()
	p, err := server()
	if err == nil && template == centreTemplate {
		err = p.migrated()
	}
	if err != nil {
		tb.Fatal(err)
	}
	name, err := p.fresh(template)
	if err != nil {
		tb.Fatalf("make test database: %v", err)
	}
	// Registered before open registers its Close, so it runs after it.
	tb.Cleanup(func() {
		if err := p.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			tb.Errorf("drop test database: %v", err)
		}
	})
	return db.Config{Driver: db.Postgres, DSN: p.dsn(name)}
}
