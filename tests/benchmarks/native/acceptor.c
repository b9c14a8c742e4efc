/* A server on every loopback address: takes each connection, reads to its end, closes it.
 *
 *     acceptor FIRST_PORT PORTS
 *
 * Says "ready" on standard output once it listens; the end of standard input is its own.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64
#define LISTENER (1ULL << 32)

static int epoll;

static void watch(int descriptor, uint64_t mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = mark | (uint32_t)descriptor};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static void listen_on(int port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 65535)) {
        perror("acceptor");
        exit(1);
    }
    watch(listener, LISTENER);
}

static void accept_all(int listener)
{
    for (int taken; (taken = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
        watch(taken, 0);
}

static void read_to_end(int descriptor)
{
    char data[4096];
    ssize_t got;
    while ((got = read(descriptor, data, sizeof data)) > 0)
        ;
    if (got == 0 || descriptor == 0)
        close(descriptor);
    else if (got < 0)
        close(descriptor); /* reset: an event says that there is something to read */
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: acceptor FIRST_PORT PORTS\n", stderr);
        return 2;
    }
    struct rlimit most;
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    signal(SIGINT, SIG_IGN);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int port = 0; port < atoi(argv[2]); port++)
        listen_on(atoi(argv[1]) + port);
    watch(0, 0);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int descriptor = (int)(uint32_t)events[i].data.u64;
            if (events[i].data.u64 & LISTENER)
                accept_all(descriptor);
            else if (descriptor == 0)
                return 0;
            else
                read_to_end(descriptor);
        }
    }
}
