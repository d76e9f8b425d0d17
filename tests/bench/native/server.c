/* A cheap shop: POST /orders with {"order": KEY} -> 201 with an order_no; GET /orders/ORDER_NO -> 200, delivered.
 *
 *   server COUNTERS CAPACITY      prints {"port": N}, serves on loopback, ends with its standard input
 *
 * COUNTERS is a file of eight 64-bit numbers that are kept up to date: orders, looks, refused, first and last arrival
 * (ns of CLOCK_MONOTONIC), connections, records. Up to CAPACITY orders are recorded in memory: when they arrived (ns of the same
 * clock), on which connection, their key. The stamp is the kernel's: on loopback it is made while the sender's own call is under way, so that it
 * says when the bytes were handed over, and not when this process woke up. A line on standard input is obeyed: "reset", or "dump FILE" (then "done" is printed).
 * One thread; requests of one connection are answered in their order. It is cheap, not complete: no chunked bodies. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ORDERS, LOOKS, REFUSED, FIRST, LAST, CONNECTIONS, RECORDS, SPARE, COUNTERS };
enum { BUFFER = 16384, MOST_CONNECTIONS = 65536, KEY = 28, BATCH = 256 };

struct record { int64_t ns; uint32_t connection; char key[KEY]; };
struct conn { int fd; uint32_t number; int used; char in[BUFFER]; };

static volatile int64_t *counters;
static struct record *records;
static int64_t capacity;
static struct conn *conns[MOST_CONNECTIONS];
static int poller;

static int64_t ahead; /* of CLOCK_MONOTONIC is CLOCK_REALTIME, which the kernel's stamps are of */

static int64_t on(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t now(void) { return on(CLOCK_MONOTONIC); }

static void die(const char *what) { perror(what); exit(1); }

static void forget(struct conn *c) {
    close(c->fd);
    conns[c->fd] = NULL;
    free(c);
}

/* The key is what stands behind "order": in the body, without quotes. */
static void record(struct conn *c, int64_t ns, const char *body, int length) {
    if (counters[RECORDS] >= capacity) return;
    struct record *r = &records[counters[RECORDS]];
    memset(r, 0, sizeof *r);
    r->ns = ns;
    r->connection = c->number;
    const char *at = memmem(body, length, "\"order\":", 8), *end = body + length;
    if (at) {
        for (at += 8; at < end && (*at == ' ' || *at == '"'); at++) {}
        for (int i = 0; i < KEY - 1 && at < end && *at != '"' && *at != '}' && *at != ','; i++) r->key[i] = *at++;
    }
    counters[RECORDS]++;
}

static int answer(char *out, const char *status, int64_t number, const char *state) {
    char body[160];
    int n = state ? snprintf(body, sizeof body, "{\"ok\":1,\"order_no\":\"%lld\",\"status\":\"%s\"}", (long long)number, state)
                  : snprintf(body, sizeof body, "{\"ok\":0}");
    return sprintf(out, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, n, body);
}

static int content_length(const char *head, const char *end) {
    for (const char *line = head; line && line < end; line = memchr(line, '\n', end - line)) {
        if (*line == '\n') line++;
        if (end - line > 15 && !strncasecmp(line, "content-length:", 15)) return atoi(line + 15);
    }
    return 0;
}

/* All whole requests in the buffer, the last of which came at ``stamp`` if the kernel says so; -1 where the connection is to be closed. */
static int work(struct conn *c, int64_t stamp) {
    static char out[BUFFER * 8];
    int done = 0, written = 0;
    int64_t ns = now();
    if (!stamp) stamp = ns;
    if (!counters[FIRST]) counters[FIRST] = ns;
    counters[LAST] = ns;
    while (c->used > done) {
        char *at = c->in + done, *end = memmem(at, c->used - done, "\r\n\r\n", 4);
        if (!end) break;
        int post = !strncmp(at, "POST /orders", 12), length = content_length(at, end);
        if (length < 0 || length >= BUFFER) return -1;
        if (c->in + c->used - (end + 4) < length) break;
        int64_t number = strncmp(at, "GET /orders/", 12) ? 0 : atoll(at + 12);
        if (post) {
            record(c, stamp, end + 4, length);
            written += answer(out + written, "201 Created", ++counters[ORDERS], "created");
        } else if (number > 0 && number <= counters[ORDERS]) {
            counters[LOOKS]++;
            written += answer(out + written, "200 OK", number, "delivered");
        } else {
            counters[REFUSED]++;
            written += answer(out + written, "404 Not Found", 0, NULL);
        }
        done = end + 4 + length - c->in;
        if (written > BUFFER * 7) return -1;
    }
    if (done) memmove(c->in, c->in + done, c->used -= done);
    /* Replies are small and whoever asks reads them: a full socket is an error of the bench. */
    if (written && send(c->fd, out, written, MSG_NOSIGNAL) != written) return -1;
    return c->used == BUFFER ? -1 : 0;
}

static ssize_t received(struct conn *c, int64_t *stamp) {
    if (!capacity) return recv(c->fd, c->in + c->used, BUFFER - c->used, 0);
    union { char room[CMSG_SPACE(sizeof(struct timespec))]; struct cmsghdr align; } control;
    struct iovec part = {.iov_base = c->in + c->used, .iov_len = BUFFER - c->used};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(c->fd, &msg, 0);
    for (struct cmsghdr *m = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; m; m = CMSG_NXTHDR(&msg, m)) {
        struct timespec t;
        if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_TIMESTAMPNS) continue;
        memcpy(&t, CMSG_DATA(m), sizeof t);
        *stamp = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - ahead;
    }
    if (n > 0 && !*stamp) errno = ENOTSUP, die("no stamp from the kernel");
    return n;
}

static void readable(struct conn *c) {
    int64_t stamp = 0;
    ssize_t n = received(c, &stamp);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) { forget(c); return; }
    c->used += n;
    if (work(c, stamp) < 0) forget(c);
}

static void welcome(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
        if (fd < 0) return;
        if (fd >= MOST_CONNECTIONS) { close(fd); return; }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct conn *c = conns[fd] = calloc(1, sizeof *c);
        c->fd = fd;
        c->number = counters[CONNECTIONS]++;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
    }
}

/* 0 where standard input is over. */
static int obey(void) {
    static char line[4096];
    ssize_t n = read(0, line, sizeof line - 1);
    if (n <= 0) return 0;
    line[n] = 0;
    line[strcspn(line, "\n")] = 0;
    if (!strcmp(line, "reset")) for (int i = 0; i < COUNTERS; i++) if (i != CONNECTIONS) counters[i] = 0;
    if (!strncmp(line, "dump ", 5)) {
        FILE *file = fopen(line + 5, "wb");
        if (!file || fwrite(records, sizeof *records, counters[RECORDS], file) != (size_t)counters[RECORDS] || fclose(file)) die("dump");
    }
    puts("done");
    fflush(stdout);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "server COUNTERS CAPACITY\n"), 2;
    capacity = atoll(argv[2]);
    int file = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, COUNTERS * 8)) die("counters");
    counters = mmap(NULL, COUNTERS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    /* Touched now, so that no page is found for the first time while it is being measured. */
    records = mmap(NULL, (capacity + 1) * sizeof *records, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (counters == MAP_FAILED || records == MAP_FAILED) die("mmap");

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof me;
    int one = 1;
    ahead = on(CLOCK_REALTIME) - now();
    if (capacity && setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one)) die("SO_TIMESTAMPNS"); /* for all that it accepts */
    if (capacity) usleep(100000); /* the kernel begins with it a moment later */
    if (listener < 0 || bind(listener, (void *)&me, size) || listen(listener, 4096) || getsockname(listener, (void *)&me, &size)) die("listen");
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &listener}, orders = {.events = EPOLLIN, .data.ptr = &poller};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e) || epoll_ctl(poller, EPOLL_CTL_ADD, 0, &orders)) die("epoll_ctl");
    printf("{\"port\": %d}\n", ntohs(me.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event ready[BATCH];
        int n = epoll_wait(poller, ready, BATCH, -1);
        for (int i = 0; i < n; i++) {
            void *who = ready[i].data.ptr;
            if (who == &listener) welcome(listener);
            else if (who == &poller) { if (!obey()) return 0; }
            else readable(who);
        }
    }
}
