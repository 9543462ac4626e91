// Command nexus-router serves nexus's router on RawSocket and WebSocket, as its documentation
// shows it, to be measured beside others.
package main

import (
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/gammazero/nexus/v3/router"
	"github.com/gammazero/nexus/v3/wamp"
)

func main() {
	realm := flag.String("realm", "realm1", "realm that anybody may join")
	raw := flag.String("rawsocket", "127.0.0.1:8081", "address for RawSocket")
	web := flag.String("websocket", "127.0.0.1:8080", "address for WebSocket")
	flag.Parse()

	r, err := router.NewRouter(&router.Config{RealmConfigs: []*router.RealmConfig{{URI: wamp.URI(*realm), AnonymousAuth: true}}},
		log.New(os.Stderr, "", 0))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	sockets, err := router.NewRawSocketServer(r).ListenAndServe("tcp", *raw)
	if err != nil {
		log.Fatal(err)
	}
	defer sockets.Close()
	websockets, err := router.NewWebsocketServer(r).ListenAndServe(*web)
	if err != nil {
		log.Fatal(err)
	}
	defer websockets.Close()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
}
