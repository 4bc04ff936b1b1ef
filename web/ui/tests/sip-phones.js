// Two SIP phones for browsers behind one small face, bundled for tests/browser/test_sip_websocket.py.
import JsSIP from 'jssip'
import { SimpleUser } from 'sip.js/lib/platform/web'

const player = document.querySelector('audio')

function play(connection) {
  const heard = () => { player.srcObject = new MediaStream(connection.getReceivers().map(r => r.track).filter(Boolean)) }
  connection.addEventListener('track', heard)
}

window.jssip = {
  states: [],
  start(url, user, password) {
    this.socket = new JsSIP.WebSocketInterface(url)
    this.ua = new JsSIP.UA({
      sockets: [this.socket], uri: `sip:${user}@localhost`, password, register_expires: 120,
      connection_recovery_min_interval: 1, connection_recovery_max_interval: 1,
      instance_id: '8f1fa16a-1165-4a96-8341-785b1ef24f12',
    })
    for (const name of ['registered', 'unregistered', 'registrationFailed', 'disconnected']) {
      this.ua.on(name, () => this.states.push(name))
    }
    this.ua.on('newRTCSession', ({ session }) => {
      this.session = session
      session.on('peerconnection', ({ peerconnection }) => play(peerconnection))
      for (const name of ['progress', 'confirmed', 'ended', 'failed']) session.on(name, () => this.states.push(name))
      if (session.direction === 'incoming') session.answer({ mediaConstraints: { audio: true, video: false } })
    })
    this.ua.start()
  },
  call(to) {
    const session = this.ua.call(`sip:${to}@localhost`, { mediaConstraints: { audio: true, video: false } })
    play(session.connection)
  },
  lose() { this.socket._ws.close() },
  hang_up() { this.session.terminate() },
}

window.sipjs = {
  states: [],
  async start(url, user, password) {
    const note = name => () => this.states.push(name)
    this.user = new SimpleUser(url, {
      aor: `sip:${user}@localhost`,
      media: { constraints: { audio: true, video: false }, remote: { audio: player } },
      userAgentOptions: { authorizationUsername: user, authorizationPassword: password, logLevel: 'error' },
      delegate: {
        onRegistered: note('registered'), onCallAnswered: note('confirmed'), onCallHangup: note('ended'),
        onCallReceived: () => this.user.answer(),
      },
    })
    await this.user.connect()
    await this.user.register()
  },
  call(to) { return this.user.call(`sip:${to}@localhost`) },
  hang_up() { return this.user.hangup() },
}
