/* Preloaded into a program, it plays the DNS and the ingress of the tests' shops: their names lead to 127.77.0.1, and
   what is sent to port 80 there arrives at PORT of this machine. Everything else goes its way. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define DOMAIN ".localtest.me"
#define INGRESS "127.77.0.1"

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  if (!real)
    real = (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");
  size_t length = name ? strlen(name) : 0, end = strlen(DOMAIN);
  int ours = length > end && strcmp(name + length - end, DOMAIN) == 0;
  return real(ours ? INGRESS : name, service, hints, found);
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
  static int (*real)(int, const struct sockaddr *, socklen_t);
  if (!real)
    real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
  const struct sockaddr_in *to = (const struct sockaddr_in *)address;
  if (address->sa_family != AF_INET || to->sin_addr.s_addr != inet_addr(INGRESS) || to->sin_port != htons(80))
    return real(socket, address, length);
  struct sockaddr_in shop = *to;
  shop.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  shop.sin_port = htons(PORT);
  return real(socket, (const struct sockaddr *)&shop, sizeof shop);
}
