/*
 * The socket limit of the machine: a stratum server that does nothing. One epoll loop, one recv and one send for what a socket sent;
 * the id of a submission is copied into `true`, no proof of work is looked at, nothing is kept. J times a second a job of random
 * bytes goes to every miner in a plain loop of send. What an engine costs above this is its own; what this costs is the kernel's.
 *
 *   limit-server JOBS_PER_SECOND        prints the port it listens on (loopback only), ends with its parent's pipe
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 70000
#define EVENTS_MAX 1024
#define BUFFER_BYTES 65536

static unsigned char miner[DESCRIPTORS_MAX];
static unsigned char array_form[DESCRIPTORS_MAX];
static char line_big[512], line_array[512];
static int big_length, array_length;
static unsigned long job_id;
static unsigned extranonce;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static uint64_t random_word(void) {
  uint64_t word = 0;
  for (int i = 0; i < 5; i++) word = (word << 15) ^ (uint64_t)(rand() & 0x7fff);
  return word | 1;
}

/* The same 40 bytes in both forms, since both kinds of miners hash them. */
static void new_job(void) {
  static const char *head = "{\"id\":null,\"jsonrpc\":\"2.0\",\"method\":\"mining.notify\",\"params\":[";
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  uint64_t ms = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
  uint64_t words[4] = {random_word(), random_word(), random_word(), random_word()};
  char hex[81];
  for (int word = 0; word < 5; word++) {
    uint64_t value = word < 4 ? words[word] : ms;
    for (int byte = 0; byte < 8; byte++) sprintf(hex + word * 16 + byte * 2, "%02x", (unsigned)(value >> (8 * byte)) & 0xff);
  }
  job_id++;
  big_length = sprintf(line_big, "%s\"%lu\",\"%s\"]}\n", head, job_id, hex);
  array_length = sprintf(line_array, "%s\"%lu\",[%llu,%llu,%llu,%llu],%llu]}\n", head, job_id, (unsigned long long)words[0],
                         (unsigned long long)words[1], (unsigned long long)words[2], (unsigned long long)words[3], (unsigned long long)ms);
}

static void put(int fd, const char *bytes, int length) {
  /* A miner that does not read is left out: this is a limit, not a server. */
  if (send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
}

static int answer(int fd, char *line, char *out) {
  /* Submissions begin with their id, as the generator writes them. */
  char *id = strstr(line, "\"id\":");
  long number = id ? atol(id + 5) : 0;
  if (miner[fd] && strstr(line, "mining.submit")) return sprintf(out, "{\"id\":%ld,\"result\":true,\"error\":null}\n", number);
  if (strstr(line, "mining.authorize")) {
    miner[fd] = 1;
    extranonce = extranonce % 0xffff + 1;
    return sprintf(out,
                   "{\"id\":%ld,\"result\":true,\"error\":null}\n"
                   "{\"id\":null,\"jsonrpc\":\"2.0\",\"method\":\"mining.set_extranonce\",\"params\":[\"%04x\"]}\n"
                   "{\"id\":null,\"jsonrpc\":\"2.0\",\"method\":\"mining.set_difficulty\",\"params\":[4.656612873077392578125e-10]}\n%s",
                   number, extranonce, array_form[fd] ? line_array : line_big);
  }
  array_form[fd] = !strcasestr(line, "iceriver") && !strcasestr(line, "bzminer") && !strcasestr(line, "goldshell");
  return sprintf(out, "{\"id\":%ld,\"result\":[true,\"EthereumStratum/1.0.0\"],\"error\":null}\n", number);
}

static void serve(int fd, char *buffer, char *out) {
  int length = (int)recv(fd, buffer, BUFFER_BYTES - 1, 0);
  if (length <= 0) {
    miner[fd] = 0;
    close(fd);
    return;
  }
  buffer[length] = 0;
  int filled = 0;
  for (char *line = buffer, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = 0;
    filled += answer(fd, line, out + filled);
  }
  if (filled > 0) put(fd, out, filled);
}

static void accept_all(int listener, int epoll) {
  int one = 1;
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    if (fd >= DESCRIPTORS_MAX) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    miner[fd] = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  }
}

int main(int count, char **arguments) {
  double interval = 1 / (count > 1 ? atof(arguments[1]) : 10);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  event.data.fd = 0;
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
  static struct epoll_event events[EVENTS_MAX];
  static char buffer[BUFFER_BYTES], out[BUFFER_BYTES * 2];
  new_job();
  double next = now() + interval;
  for (;;) {
    double left = (next - now()) * 1000;
    int ready = epoll_wait(epoll, events, EVENTS_MAX, left < 0 ? 0 : (int)left + 1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == 0) return 0;
      if (fd == listener) accept_all(listener, epoll);
      else serve(fd, buffer, out);
    }
    if (now() < next) continue;
    next += interval;
    new_job();
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
      if (miner[fd]) put(fd, array_form[fd] ? line_array : line_big, array_form[fd] ? array_length : big_length);
  }
}
