/* A mail server that takes every message and forgets it, written for speed.
 *
 * smtp-sink of Postfix costs as much as a quick client does, and so is the brake of what is measured
 * with it. This one is one process on epoll; it knows PIPELINING (RFC 2920) and looks at nothing but
 * the first letters of commands and the end of the content. Use: sink PORT. On SIGTERM it tells how
 * many messages it took, in the words of smtp-sink, and ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES 65536 /* file descriptors */
#define ROOM 4096   /* bytes of commands that wait for the rest of their line, or of answers */
#define OK "250 2.0.0 Ok\r\n"

struct line {
    int content;        /* whether the content of a message is under way */
    unsigned char tail[5]; /* its last five bytes */
    size_t kept;        /* bytes of commands */
    char command[ROOM];
};

static struct line *lines[LINES];
static volatile sig_atomic_t stopped;
static unsigned long taken;

static void stop(int number) {
    (void)number;
    stopped = 1;
}

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

static int say(int fd, const char *words, size_t size) {
    while (size) {
        ssize_t sent = send(fd, words, size, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue; /* replies are short */
        if (sent < 0) return -1;
        words += sent;
        size -= (size_t)sent;
    }
    return 0;
}

/* How many of the bytes belong to the content; it is over where that is said. */
static size_t content(struct line *line, const char *bytes, size_t size) {
    /* The end may lie across two reads. */
    char joint[5 + 5];
    size_t head = size < 5 ? size : 5;
    memcpy(joint, line->tail, 5);
    memcpy(joint + 5, bytes, head);
    char *end = memmem(joint, 5 + head, "\r\n.\r\n", 5);
    if (end) {
        line->content = 0;
        return (size_t)(end + 5 - joint) - 5;
    }
    end = memmem(bytes, size, "\r\n.\r\n", 5);
    if (end) {
        line->content = 0;
        return (size_t)(end + 5 - bytes);
    }
    if (size >= 5) {
        memcpy(line->tail, bytes + size - 5, 5);
    } else {
        memmove(line->tail, line->tail + size, 5 - size);
        memcpy(line->tail + 5 - size, bytes, size);
    }
    return size;
}

/* Answers that go out together. */
struct answers {
    int fd;
    size_t size;
    char words[ROOM];
};

static int flush(struct answers *answers) {
    size_t size = answers->size;
    answers->size = 0;
    return size ? say(answers->fd, answers->words, size) : 0;
}

static int add(struct answers *answers, const char *words) {
    size_t size = strlen(words);
    if (answers->size + size > sizeof answers->words && flush(answers)) return -1;
    memcpy(answers->words + answers->size, words, size);
    answers->size += size;
    return 0;
}

/* Answers what came; 0 where the line goes on. */
static int hear(int fd, struct line *line, const char *bytes, size_t size) {
    struct answers answers = {.fd = fd, .size = 0};
    while (size) {
        if (line->content) {
            size_t used = content(line, bytes, size);
            bytes += used;
            size -= used;
            if (line->content) break;
            taken++;
            if (add(&answers, OK)) return -1;
            continue;
        }
        const char *end = memchr(bytes, '\n', size);
        size_t used = end ? (size_t)(end - bytes) + 1 : size;
        if (line->kept + used > ROOM) return -1;
        memcpy(line->command + line->kept, bytes, used);
        line->kept += used;
        bytes += used;
        size -= used;
        if (!end) break;
        const char *answer = OK;
        int over = 0;
        if (!strncasecmp(line->command, "EHLO", 4)) {
            answer = "250-sink\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n";
        } else if (!strncasecmp(line->command, "DATA", 4)) {
            answer = "354 End data with <CR><LF>.<CR><LF>\r\n";
            line->content = 1;
            memcpy(line->tail, "...\r\n", 5); /* a dot alone ends it at once */
        } else if (!strncasecmp(line->command, "QUIT", 4)) {
            answer = "221 2.0.0 Bye\r\n";
            over = 1;
        }
        line->kept = 0;
        if (add(&answers, answer)) return -1;
        if (over) {
            flush(&answers);
            return -1;
        }
    }
    return flush(&answers);
}

static void end(int fd) {
    free(lines[fd]);
    lines[fd] = NULL;
    close(fd);
}

static int listening(const char *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0) give_up("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&here, sizeof here)) give_up("bind");
    if (listen(fd, 1000)) give_up("listen");
    return fd;
}

int main(int many, char **words) {
    if (many != 2) {
        fprintf(stderr, "Use: sink PORT\n");
        return 2;
    }
    struct sigaction on_stop = {.sa_handler = stop};
    sigaction(SIGTERM, &on_stop, NULL);
    int door = listening(words[1]), poll = epoll_create1(0), yes = 1;
    struct epoll_event one = {.events = EPOLLIN, .data.fd = door}, ready[64];
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, door, &one)) give_up("epoll");
    static char bytes[1 << 18];
    while (!stopped) {
        int number = epoll_wait(poll, ready, 64, -1);
        for (int at = 0; at < number; at++) {
            int fd = ready[at].data.fd;
            if (fd == door) {
                int new = accept4(door, NULL, NULL, SOCK_NONBLOCK);
                if (new < 0) continue;
                if (new >= LINES || !(lines[new] = calloc(1, sizeof **lines))) {
                    close(new);
                    continue;
                }
                setsockopt(new, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                one.data.fd = new;
                if (epoll_ctl(poll, EPOLL_CTL_ADD, new, &one) || say(new, "220 sink\r\n", 10)) end(new);
                continue;
            }
            ssize_t came = recv(fd, bytes, sizeof bytes, 0);
            if (came < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (came <= 0 || hear(fd, lines[fd], bytes, (size_t)came)) end(fd);
        }
    }
    printf("mesg=%lu\n", taken);
    return 0;
}
