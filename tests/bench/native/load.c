/* The least that an open-loop load costs: what the other generators are held against.
 *
 *   load PORT SCHEDULE OUT LOOK      prints {"orders": n, "requests": n, "errors": n, "connections": n, "start_ns": t}
 *
 * SCHEDULE: when each order is due, 64-bit ns from the start. OUT gets four 64-bit numbers an order: due, before it was
 * handed to the kernel, after that, answered (ns of CLOCK_MONOTONIC; 0: not reached). LOOK 1: each order that was accepted
 * is looked up at once by the order_no of the reply. One thread, epoll, an absolute timerfd; a connection carries one
 * order at a time, and a new one is opened where none is free. It knows the replies of the bench's own shop only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 4096, MOST_CONNECTIONS = 4096, BATCH = 256, MOST_AT_ONCE = 16 };
static const int64_t PATIENCE = 5000000000;

struct row { int64_t due, before, after, done; };
struct conn { int fd, looking, used; int64_t order; char in[BUFFER]; };

static struct conn *idle[MOST_CONNECTIONS];
static int idles, opened, poller, look;
static int64_t errors, requests, answered;
static struct sockaddr_in shop;
static struct row *rows;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what) { perror(what); exit(1); }

static struct conn *opened_one(void) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (void *)&shop, sizeof shop)) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct conn *c = calloc(1, sizeof *c);
    c->fd = fd;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
    opened++;
    return c;
}

static void hand_over(struct conn *c, const char *text, int length) {
    if (send(c->fd, text, length, MSG_NOSIGNAL) != length) die("send");
    requests++;
}

/* 0 where all connections are taken. */
static int submit(int64_t order) {
    char body[64], text[256];
    if (!idles && opened == MOST_CONNECTIONS) return 0;
    struct conn *c = idles ? idle[--idles] : opened_one();
    int n = sprintf(body, "{\"order\":\"%lld\"}", (long long)order);
    int length = sprintf(text, "POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", n, body);
    c->order = order;
    c->looking = c->used = 0;
    rows[order].before = now();
    hand_over(c, text, length);
    rows[order].after = now();
    return 1;
}

static void over(struct conn *c) {
    rows[c->order].done = now();
    answered++;
    idle[idles++] = c;
}

static void readable(struct conn *c) {
    ssize_t n = recv(c->fd, c->in + c->used, BUFFER - 1 - c->used, 0);
    if (n <= 0) die("the shop has closed");
    c->used += n;
    c->in[c->used] = 0;
    char *end = strstr(c->in, "\r\n\r\n"), *length = strcasestr(c->in, "content-length:");
    if (!end || c->used < end + 4 - c->in + (length ? atoi(length + 15) : 0)) return;
    int status = atoi(c->in + 9);
    char *number = strstr(end, "\"order_no\":\"");
    c->used = 0;
    if (c->looking) {
        errors += status != 200 || !strstr(end, "\"status\":\"delivered\"");
        over(c);
    } else if ((status != 201 && status != 200) || (look && !number)) {
        errors++;
        over(c);
    } else if (look) {
        char text[128];
        c->looking = 1;
        hand_over(c, text, sprintf(text, "GET /orders/%lld HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", atoll(number + 12)));
    } else over(c);
}

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "load PORT SCHEDULE OUT LOOK\n"), 2;
    shop = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    look = atoi(argv[4]);
    FILE *file = fopen(argv[2], "rb");
    struct stat size;
    if (!file || fstat(fileno(file), &size)) die("schedule");
    int64_t orders = size.st_size / 8, *due = malloc(size.st_size + 8);
    rows = malloc((orders + 1) * sizeof *rows);
    memset(rows, 0, (orders + 1) * sizeof *rows);
    if (fread(due, 8, orders, file) != (size_t)orders) die("schedule");
    fclose(file);

    poller = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    if (poller < 0 || timer < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, timer, &e)) die("timer");
    for (int i = 0; i < 16; i++) idle[idles++] = opened_one();

    int64_t start = now() + 100000000, next = 0, armed = 0, last = start;
    for (int64_t i = 0; i < orders; i++) rows[i].due = start + due[i];
    while (answered < orders && last < (orders ? rows[orders - 1].due : 0) + PATIENCE) {
        for (int sent = 0; next < orders && rows[next].due <= now() && sent < MOST_AT_ONCE && submit(next); sent++) next++;
        int behind = next < orders && rows[next].due <= now();
        if (next < orders && !behind && armed != rows[next].due) {
            armed = rows[next].due;
            struct itimerspec at = {.it_value = {armed / 1000000000, armed % 1000000000}};
            if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL)) die("timerfd_settime");
        }
        struct epoll_event ready[BATCH];
        /* The timer is in the set; the second is for orders that are never answered. */
        int n = epoll_wait(poller, ready, BATCH, behind ? 0 : 1000);
        for (int i = 0; i < n; i++) {
            uint64_t times;
            if (ready[i].data.ptr) readable(ready[i].data.ptr);
            else if (read(timer, &times, sizeof times) < 0) continue;
        }
        last = now();
    }
    errors += orders - answered;
    file = fopen(argv[3], "wb");
    if (!file || fwrite(rows, sizeof *rows, orders, file) != (size_t)orders || fclose(file)) die("out");
    printf("{\"orders\": %lld, \"requests\": %lld, \"errors\": %lld, \"connections\": %d, \"start_ns\": %lld}\n", (long long)orders,
           (long long)requests, (long long)errors, opened, (long long)start);
}
